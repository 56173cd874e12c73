"""TSAC, our reconstruction, as a method around other methods (docs/methods.md, 6.5)."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from method_examples import in_64_bits
from tsac_examples import ALONE, SPEC, as_written, base_alone, base_method, random_batch, small_config, wrapped

from cmta_jax import sac
from cmta_jax.methods import tsac
from cmta_jax.methods.tsac.state import STREAM
from cmta_jax.methods.tsac.update import Noise, draw_noise, update
from cmta_jax.methods.tsac.wrapper import algorithm_of, sharing
from cmta_jax.networks.correction import Correction
from cmta_jax.sac.acting import choose, perceive

BASES = ["cmta", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("mtmhsac", "mtsac", "care"))]
SETTINGS = {
    "mtsac": {"task_id": "onehot"},
    "cmta": {"encoding_dim": 8, "memory_learning_rate": 3e-5},
    "care": {"encoding_dim": 8},
}


@pytest.mark.parametrize("name", BASES)
def test_without_edit_range_it_is_the_base(name):
    """Four updates and two actions, in 64 bits: the compiler may round the two programs differently, by some 1e-16."""
    base = base_method(name, **SETTINGS.get(name, {}))
    method = wrapped(base, edit_range=0.0, **ALONE)
    starts = [as_written(m.init)(jax.random.key(0)) for m in (method, base)]
    with jax.enable_x64(True):
        state, alone = in_64_bits(starts)
        step, step_alone = as_written(method.update), as_written(base.update)
        for index in range(4):
            batch, key = in_64_bits(random_batch(index, base)), jax.random.key(100 + index)
            (state, metrics), (alone, metrics_alone) = step(state, batch, key), step_alone(alone, batch, key)
        close(base_alone(state), (alone.params, alone.targets), rtol=1e-11)
        close({key: metrics[key] for key in metrics_alone}, metrics_alone, rtol=1e-11)

        acting = in_64_bits(random_batch(9, base, rows=2))
        first = jnp.array([[True, False]] * SPEC.num_tasks)
        for explore in (True, False):
            rest = acting.carry, acting.observation, first, jax.random.key(1), explore
            action, action_alone = (
                as_written(method.act)(state.params, *rest),
                as_written(base.act)(alone.params, *rest),
            )
            close(action, action_alone, rtol=1e-11)


def test_a_correction_of_zero_leaves_the_base_as_it_is():
    base = base_method("mtmhsac")
    method = wrapped(base, edit_range=2.0, **ALONE)
    starts = [as_written(m.init)(jax.random.key(0)) for m in (method, base)]
    algorithm = algorithm_of(small_config(edit_range=2.0, **ALONE), SPEC, base)
    key = jax.random.key(1)

    def silent_update(state, batch):  # fresh: the mean is zero whatever the proposal, and so is the noise
        noise = draw_noise(key, batch.action)
        noise = Noise(noise.proposal, jax.tree.map(jnp.zeros_like, noise.correction))
        return update(algorithm, state, batch, noise)

    with jax.enable_x64(True):
        (state, alone), batch = in_64_bits(starts), in_64_bits(random_batch(0, base))
        state, metrics = as_written(silent_update)(state, batch)
        alone, _ = as_written(base.update)(alone, batch, key)
        np.testing.assert_array_equal(metrics["edit_size"], np.zeros(SPEC.num_tasks))
        close(base_alone(state), (alone.params, alone.targets), rtol=1e-11)


@pytest.fixture(scope="module")
def learner():
    """A method whose critics stand still, its update, and a state in which everything has begun to move."""
    base = base_method("mtmhsac")
    method = wrapped(base, critic_learning_rate=0.0)
    step = as_written(method.update)
    state, _ = step(as_written(method.init)(jax.random.key(0)), random_batch(0, base), jax.random.key(1))

    def learn(change=lambda state: state, batch=lambda batch: batch):
        return step(change(state), batch(random_batch(2, base)), jax.random.key(3))

    return state, learn


def test_the_policies_losses_train_no_critic_and_no_encoder(learner):
    before, learn = learner
    after, _ = learn()
    for group in ("critic", "encoder", "task_encoder"):
        chex.assert_trees_all_equal(getattr(after.base.params, group), getattr(before.base.params, group))
    assert differ(after.base.params.actor, before.base.params.actor)
    assert differ(after.params.correction, before.params.correction)


def test_the_critics_loss_trains_no_policy(learner):
    _, learn = learner
    one, other = learn()[0], learn(batch=lambda batch: batch._replace(reward=batch.reward + 5.0))[0]
    chex.assert_trees_all_equal(one.params, other.params)
    assert differ(one.optimizers.base.critic, other.optimizers.base.critic)


def test_the_multiplier_reaches_the_correction_policy_alone(learner):
    _, learn = learner

    def dear(state):
        return state._replace(multiplier=state.multiplier._replace(raw=state.multiplier.raw + 3.0))

    one, other = learn()[0], learn(dear)[0]
    chex.assert_trees_all_equal(one.base, other.base)
    assert differ(one.params.correction, other.params.correction)


def test_the_proposing_policys_loss_does_not_train_the_correction_policy(learner):
    _, learn = learner

    def hot(state):
        base = state.base.params
        hotter = base._replace(log_temperature=base.log_temperature + 1.0)
        return state.with_base(state.base._replace(params=hotter))

    one, other = learn()[0], learn(hot)[0]
    chex.assert_trees_all_equal(one.params.correction, other.params.correction)
    assert differ(one.base.params.actor, other.base.params.actor)


def test_the_correction_policys_loss_does_not_train_the_proposing_policy(learner):
    _, learn = learner

    def hot(state):
        return state._replace(params=state.params._replace(log_temperature=state.params.log_temperature + 1.0))

    one, other = learn()[0], learn(hot)[0]
    chex.assert_trees_all_equal(one.base, other.base)
    assert differ(one.params.correction, other.params.correction)


def differ(one, other):
    return any(not np.array_equal(*pair) for pair in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


def test_it_logs_multiplier_success_and_edits_per_task(learner):
    _, learn = learner
    _, metrics = learn()
    for name in ("multiplier", "on_policy_success", "edited_share", "edit_size", "correction_temperature"):
        assert metrics[name].shape == (SPEC.num_tasks,)
    assert np.all(metrics["edited_share"] >= 0) and np.all(metrics["edited_share"] <= 1)


def test_a_finished_episode_moves_the_multiplier_only():
    method = wrapped(base_method("mtmhsac"))
    state = as_written(method.init)(jax.random.key(0))
    finished = as_written(method.finish_episode)(state, jnp.array([[0.0], [3.0], [8.0]]))  # the budget is 4
    moved = finished.multiplier.raw - state.multiplier.raw
    np.testing.assert_array_equal(np.sign(moved), [1.0, 1.0, -1.0])
    chex.assert_trees_all_equal(finished._replace(multiplier=()), state._replace(multiplier=()))


@pytest.mark.parametrize(
    ("name", "settings", "shared"),
    [("mtmhsac", {}, "multi_head"), ("mtsac", {"task_id": "onehot"}, "conditioned"), ("cmta", {}, "conditioned")],
)
def test_the_correction_policy_has_heads_per_task_where_nothing_else_names_the_task(name, settings, shared):
    assert sharing(tsac.Config(), SPEC, base_method(name, **settings)) == shared


@pytest.mark.parametrize("correction", ["conditioned", "multi_head", "disjoint"])
def test_the_first_corrections_have_mean_zero(correction):
    module = Correction((16,), 4, log_std_bias=1.5, sharing=correction)
    features, proposal = jax.random.normal(jax.random.key(1), (3, 2, 8)), jnp.full((3, 2, 4), 0.3)
    mean, log_std = jnp.split(as_written(module.init_with_output)(jax.random.key(0), features, proposal)[0], 2, axis=-1)
    np.testing.assert_array_equal(mean, np.zeros((3, 2, 4)))
    assert np.all(log_std != 1.5) and np.ptp(log_std) > 0.0


def test_proposal_and_correction_are_sampled_from_streams_of_their_own():
    loud = {"initial_log_std": 0.0}
    base = base_method("mtmhsac", **loud)
    method = wrapped(base, **loud)
    params = as_written(method.init)(jax.random.key(0)).params
    batch = random_batch(0, base, rows=64)
    rest = (), batch.observation, jnp.ones((SPEC.num_tasks, 64), bool), jax.random.key(1), True
    algorithm = algorithm_of(small_config(**loud), SPEC, base)

    def both():
        proposal, *_ = base.act(params.base, *rest)
        _, features, _ = perceive(base.networks, params.base, *rest[:3])
        policy = algorithm.policy(params.correction, features, proposal)
        correction = choose(policy, jax.random.fold_in(rest[3], STREAM), True)
        return method.act(params, *rest)[0], algorithm.executed(proposal, correction)

    close(*as_written(both)())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"discount": 1.0}, "--discount"),
        ({"initial_multiplier": 0.0}, "--tsac.learn_multiplier"),
        ({"initial_multiplier": 20.0}, "--tsac.max_multiplier"),
    ],
)
def test_settings_that_contradict_each_other_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        wrapped(base_method("mtmhsac"), **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"correction_reward": "first", "distance": "mse"},
        {"correction_reward": "cost", "normalize": False},
        {"correction_reward": "dense", "clip": "soft", "entropy_in_target": False},
    ],
)
def test_every_ablation_learns_something_finite(settings):
    base = base_method("mtsac", task_id="onehot")
    method = wrapped(base, **settings)
    state, _ = as_written(method.update)(
        as_written(method.init)(jax.random.key(0)), random_batch(0, base), jax.random.key(1)
    )
    chex.assert_tree_all_finite(state)
    assert isinstance(state.base, sac.LearnerState)
