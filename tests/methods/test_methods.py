"""What every method must do, whatever it computes: one test each over the table of methods."""

import checkpoint_example
import jax
import numpy as np
import pytest
from comparing import close
from method_examples import SMALL, SPEC, VARIANTS, as_written, random_batch, small

from cmta_jax import methods
from cmta_jax.checkpoint import Checkpoint, Checkpointer

SEEDS = jax.random.split(jax.random.key(3), 2)
STRUCTURES = ("cmta", "single_task_sac", "tsac")  # a carry, critics per task, a wrapper


@pytest.fixture(scope="module", params=VARIANTS)
def trained(request):
    """A method, its jitted update, fresh states of two seeds, and the first after two updates."""
    method = small(request.param)
    # A function of its own, because JAX counts the programs of `method.update` that other tests have compiled, too.
    update, init = as_written(lambda *arguments: method.update(*arguments)), as_written(method.init)
    starts = [init(seed) for seed in SEEDS]
    state = starts[0]
    for index, key in enumerate(jax.random.split(SEEDS[0], 2)):
        state, metrics = update(state, random_batch(index, method), key)
    return method, update, starts, state, metrics


def test_updates_twice_with_one_compilation_and_every_number_finite(trained):
    _, update, (start, _), state, metrics = trained
    assert update._cache_size() == 1
    assert jax.tree.structure(start) == jax.tree.structure(state)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state, metrics)))
    assert all(value.shape in ((), (SPEC.num_tasks,)) for value in metrics.values())
    for before, after in zip(start.params, state.params, strict=True):
        assert not jax.tree.leaves(before) or any(map(changed, jax.tree.leaves(before), jax.tree.leaves(after)))


def changed(before, after):
    return np.any(np.asarray(before) != np.asarray(after))


def test_acts_within_the_box_and_without_noise_always_the_same(trained):
    method, _, _, state, _ = trained
    observation = np.random.default_rng(0).normal(size=(SPEC.num_tasks, 2, SPEC.observation_dim)).astype(np.float32)
    first = np.ones((SPEC.num_tasks, 2), bool)

    @as_written
    def act(key, explore):
        return method.act(state.params, method.begin(2), observation, first, key, explore)

    explored, carry, next_carry = act(SEEDS[0], True)
    assert explored.shape == (SPEC.num_tasks, 2, SPEC.action_dim) and np.abs(explored).max() <= 1
    assert jax.tree.structure(carry) == jax.tree.structure(next_carry) == jax.tree.structure(method.begin(2))
    np.testing.assert_array_equal(act(SEEDS[0], False)[0], act(SEEDS[1], False)[0])
    assert changed(explored, act(SEEDS[0], False)[0])


@pytest.mark.parametrize(
    "trained",
    [pytest.param(name, marks=[pytest.mark.nightly] * (name not in STRUCTURES)) for name in VARIANTS],
    indirect=True,
)
def test_two_seeds_at_once_equal_two_runs(trained):
    method, update, states, _, _ = trained
    batches = [random_batch(index, method) for index in range(2)]
    together = jax.tree.map(lambda *leaves: np.stack(leaves), *states)
    batch = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
    together, _ = as_written(jax.vmap(method.update))(together, batch, SEEDS)
    for index in range(2):
        alone, _ = update(states[index], batches[index], SEEDS[index])
        params = jax.tree.map(lambda leaf, i=index: np.asarray(leaf)[i], together.params)
        for one, other in zip(jax.tree.leaves(params), jax.tree.leaves(alone.params), strict=True):
            close(one, other, rtol=1e-4, size=0.2)  # one step of Adam moves 3e-4


def test_a_checkpoint_gives_back_every_bit(trained, tmp_path):
    state = trained[3]
    saved = Checkpoint(7, state, checkpoint_example.empty(8), checkpoint_example.pool(7), {"method": "any"})
    with Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(saved)
        checkpointer.wait()
        checkpoint_example.assert_same(checkpointer.restore(state, jax.eval_shape(lambda: saved.replay)), saved)


def test_settings_reach_the_method_that_they_name():
    config = methods.configure("cmta", {"hidden_dim": 7, "cmta.num_experts": 2, "care.num_experts": 9, "seed": 1})
    assert (config.hidden_dim, config.num_experts, config.temporal) == (7, 2, True)


def test_an_unknown_method_is_told_the_nearest():
    with pytest.raises(ValueError, match="Unknown method 'ctma': did you mean 'cmta'"):
        methods.build("ctma", SMALL, SPEC)


def test_a_setting_out_of_range_is_named_by_its_flag():
    with pytest.raises(ValueError, match="--care.num_experts=0 is not possible"):
        methods.build("care", SMALL | {"care.num_experts": 0}, SPEC)
