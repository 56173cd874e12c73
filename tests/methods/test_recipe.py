"""The ingredients of the strong recipe: categorical critics, their reduction and size, weight decay (sac/values.py)."""

import math

import chex
import jax
import jax.numpy as jnp
import method_examples as examples
import numpy as np
import optax
import pytest
from comparing import close

from cmta_jax import losses, sac
from cmta_jax.sac import values
from cmta_jax.sac.optimisers import critic_group, decays, scale_by_adam, transforms
from cmta_jax.sac.steps import linearised_q

METHODS = sorted(examples.VARIANTS)
STRUCTURES = (
    "mtsac",
    "mtmhsac",
    "single_task_sac",
    "soft_modularization, original",
    "tsac",
)  # of critics, and a wrapper
BINS = np.linspace(-2.0, 6.0, 9)  # one unit apart
ALL = {
    "critic_loss": "categorical", "num_bins": 11, "critic_reduction": "mean", "weight_decay": 0.1,
    "critic_layer_norm": True,
}  # fmt: skip


@pytest.mark.parametrize("spread", [0.0, 0.75])
def test_a_targets_histogram_has_the_target_as_its_mean(spread):
    target = np.array([[0.0, 1.0, 2.25, 3.5]])
    found = np.asarray(losses.binned(jnp.asarray(target, jnp.float32), jnp.asarray(BINS, jnp.float32), spread))
    assert found.shape == (1, 4, 9) and (found >= 0).all()
    close(found.sum(axis=-1), np.ones((1, 4)), rtol=1e-5)
    close(found @ BINS, target, rtol=1e-3)
    assert ((found > 0).sum(axis=-1) <= 2).all() == (spread == 0)


def test_a_targets_histogram_is_the_mass_of_a_normal_distribution_in_each_bin():
    def below(border):
        return 0.5 * (1 + math.erf((border - 2.25) / 0.75 / math.sqrt(2)))

    expected = np.array([below(centre + 0.5) - below(centre - 0.5) for centre in BINS])
    close(
        losses.binned(jnp.array([2.25]), jnp.asarray(BINS, jnp.float32), 0.75)[0], expected / expected.sum(), rtol=1e-4
    )


@pytest.mark.parametrize("spread", [0.0, 0.75])
@pytest.mark.parametrize(("target", "end"), [(-50.0, -2.0), (50.0, 6.0)])
def test_a_target_outside_the_bins_counts_as_the_nearest_end(target, end, spread):
    found, expected = (
        losses.binned(jnp.array([place]), jnp.asarray(BINS, jnp.float32), spread) for place in (target, end)
    )
    close(found, expected, rtol=1e-6)
    assert np.isfinite(np.asarray(found)).all() and found[0].argmax() == (0 if end < 0 else 8)


def test_the_categorical_loss_is_that_of_numpy():
    random = np.random.default_rng(0)
    logits, weights = random.normal(size=(2, 3, 4, 5)), np.array([0.5, 1.0, 1.5])
    wanted = random.dirichlet(np.ones(5), size=(3, 4))
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -(weights[None, :, None] * (wanted * log_probs).sum(axis=-1)).mean(axis=(1, 2)).sum()
    arrays = (jnp.asarray(array, jnp.float32) for array in (logits, wanted, weights))
    close(losses.categorical_critic_loss(*arrays), expected, rtol=1e-5)


def test_the_values_of_a_categorical_critic_are_the_means_of_its_bins():
    config = sac.Config(critic_loss="categorical", num_bins=9, value_min=-2.0, value_max=6.0)
    chance = np.random.default_rng(0).dirichlet(np.ones(9), size=(2, 3, 4)).astype(np.float32)
    close(values.values_of(config, jnp.log(chance)), chance @ BINS, rtol=1e-5)
    plain = jnp.asarray(chance[..., 0])
    assert values.values_of(sac.Config(), plain) is plain


@pytest.mark.parametrize(("reduction", "expected", "slope"), [("min", 1.0, 2.0), ("mean", 2.0, 3.0)])
def test_the_critics_are_reduced_to_their_smallest_or_their_mean(reduction, expected, slope):
    """In targets and in what the actor climbs; critics: 2a + 1 and 4a + 3 at a = 0."""

    def critic(params, representation, action):
        return jnp.stack([2 * action[..., 0] + 1, 4 * action[..., 0] + 3])

    config = sac.Config(critic_reduction=reduction)
    networks = sac.Networks(*[None] * 5, critic)  # pyright: ignore[reportArgumentType]
    found = linearised_q(sac.Algorithm(config, networks), (), (), jnp.zeros((1, 1, 1)))
    assert (float(found.value[0, 0]), float(found.slope[0, 0, 0])) == (expected, slope)
    assert float(values.reduced(config, jnp.array([[1.0, 3.0]]), axis=1)[0]) == expected


def with_all_ingredients(name):
    sizes = {} if "soft_modularization" in name else {"critic_hidden_dim": 12, "critic_hidden_layers": 2}
    return examples.small(name, **(ALL | sizes)), sizes


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_critics_of_that_size_with_a_logit_for_each_bin(name):
    method, sizes = with_all_ingredients(name)
    params = jax.eval_shape(method.init, jax.random.key(0)).params
    critic = params.base.critic if name == "tsac" else params.critic
    widths = {leaf.shape[-1] for leaf in jax.tree.leaves(critic)}
    assert 11 in widths and (not sizes or {11, 12} == widths - {1})


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.nightly] * (name not in STRUCTURES)) for name in METHODS]
)
def test_every_method_learns_with_all_ingredients_at_once(name):
    method, _ = with_all_ingredients(name)
    batch = examples.random_batch(1, method)
    after, metrics = examples.as_written(method.update)(examples.start(method), batch, jax.random.key(1))
    chex.assert_tree_all_finite((after, metrics))
    assert metrics["q_mean"].shape == (examples.SPEC.num_tasks,)


def test_an_untrained_categorical_critic_says_about_zero():
    assert sac.Config().value_min == -sac.Config().value_max  # it says the middle


@pytest.mark.parametrize("name", ["critic_hidden_dim", "critic_hidden_layers"])
def test_soft_modularization_has_no_width_of_its_critics(name):
    with pytest.raises(ValueError, match=f"--{name}=2 has no meaning for soft_modularization"):
        examples.small("soft_modularization", **{name: 2})


def test_bins_without_width_are_refused():
    with pytest.raises(ValueError, match="--value_min=3 is not below --value_max=3: widen the bins"):
        examples.small("mtmhsac", critic_loss="categorical", value_min=3.0, value_max=3.0)


@pytest.mark.parametrize("name", ["cmta", "mtmhsac", "soft_modularization"])
def test_weight_decay_shrinks_weight_matrices_and_nothing_else(name):
    config = examples.settings(name)
    random = np.random.default_rng(0)
    shapes = jax.eval_shape(examples.small(name, critic_layer_norm=True).init, jax.random.key(0)).params
    group = critic_group(jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(leaf.dtype), shapes))
    chosen = {jax.tree_util.keystr(path) for path, yes in jax.tree.leaves_with_path(decays(group)) if yes}
    everything = {jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(group)}
    assert chosen == {path for path in everything if path.endswith("['kernel']")} and chosen < everything
    decaying = transforms(type(config)(weight_decay=0.5, critic_learning_rate=0.01))

    @examples.as_written
    def after_a_still_step(group):
        still = jax.tree.map(jnp.zeros_like, group)
        with jax.numpy_dtype_promotion("standard"):
            moves, _ = decaying.critic.update(still, decaying.critic.init(group), group)
        return optax.apply_updates(group, moves)

    after = jax.tree.leaves(after_a_still_step(group))
    for (path, before), leaf in zip(jax.tree.leaves_with_path(group), after, strict=True):
        factor = 1 - 0.5 * 0.01 if jax.tree_util.keystr(path) in chosen else 1.0
        close(leaf, np.float32(factor) * before, rtol=1e-6)


def test_without_decay_the_optimisers_are_adam_and_temperatures_never_decay():
    plain, decaying = transforms(sac.Config()), transforms(sac.Config(weight_decay=0.5))
    leaf = {"kernel": jnp.ones((2, 2))}
    for transform in (*plain, decaying.temperature):
        chex.assert_trees_all_equal(transform.init(leaf), optax.adam(3e-4).init(leaf))
    with jax.numpy_dtype_promotion("standard"):
        moves, _ = decaying.temperature.update({"kernel": jnp.zeros((2, 2))}, decaying.temperature.init(leaf), leaf)
    assert not np.asarray(moves["kernel"]).any()


def test_adam_has_optaxs_numbers():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        leaf = {"kernel": jnp.linspace(-1.0, 1.0, 6), "bias": jnp.array(0.1)}
        states = [transform.init(leaf) for transform in (scale_by_adam(), optax.scale_by_adam())]
        for scale in (1.0, -3.0, 1e-5):
            gradients = jax.tree.map(lambda value, scale=scale: scale * value, leaf)
            ours, states[0] = scale_by_adam().update(gradients, states[0])
            theirs, states[1] = optax.scale_by_adam().update(gradients, states[1])
            close((ours, states[0]), (theirs, states[1]), rtol=1e-11)
