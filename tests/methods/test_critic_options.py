"""Layer normalisation in the critics, and a learning rate of the LSTM's own."""

import chex
import jax
import jax.numpy as jnp
import method_examples as examples
import numpy as np
import pytest
from comparing import close

from cmta_jax.networks.heads import Critics, MultiHead, PerTask
from cmta_jax.networks.mlp import MLP
from cmta_jax.sac.optimisers import critic_group

METHODS = sorted(examples.VARIANTS)


def step(method, state, seed=1):
    """The state after one update on a random batch, in 64 bits."""
    with jax.enable_x64(True):
        state, batch = examples.in_64_bits((state, examples.random_batch(seed, method)))
        return examples.as_written(method.update)(state, batch, jax.random.key(seed))[0]


@pytest.mark.parametrize("name", METHODS)
def test_every_methods_critics_have_layer_norm_if_asked(name):
    plain, normed = (examples.small(name, critic_layer_norm=asked) for asked in (False, True))
    before, after = (jax.eval_shape(method.init, jax.random.key(0)).params for method in (plain, normed))
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(after)]
    scales = [name for name in names if "scale" in name.rpartition("[")[2]]
    assert scales and all("critic" in name for name in scales)
    assert len(names) == len(jax.tree.leaves(before)) + 2 * len(scales)  # a scale and a bias each


@pytest.mark.parametrize(("trunk", "norms"), [(MLP, 2), (MultiHead, 2), (PerTask, 2)])
def test_a_critic_with_layer_norm_does_not_see_the_size_of_its_first_layer(trunk, norms):
    """Mean 0 and variance 1 before the ReLU: the first layer times 100 gives the same value (its bias is 0)."""
    critics = Critics((8, 8), 2, trunk, layer_norm=True)
    features, action = jax.random.normal(jax.random.key(1), (3, 5, 4)), jnp.zeros((3, 5, 2))
    params = examples.as_written(critics.init)(jax.random.key(0), features, action)
    found = [path for path, _ in jax.tree.leaves_with_path(params) if "scale" in jax.tree_util.keystr(path[-1:])]
    assert len(found) == norms

    def first_layer_times_100(path, leaf):
        place = jax.tree_util.keystr(path)
        return 100 * leaf if "Dense_0" in place and "kernel" in place and "heads" not in place else leaf

    larger = jax.tree.map_with_path(first_layer_times_100, params)
    before, after = (examples.as_written(critics.apply)(each, features, action) for each in (params, larger))
    close(after, before, rtol=1e-3)
    assert float(jnp.abs(before).max()) > 0


@pytest.mark.parametrize("rate", [0.0, 3e-4])
def test_an_lstm_at_the_critics_rate_is_todays_run(rate):
    """0 stands for that rate."""
    method = examples.small("cmta", **{"cmta.memory_learning_rate": rate})
    group = critic_group(jax.eval_shape(method.init, jax.random.key(0)).params)
    updates = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.3, np.float32), group)
    chex.assert_trees_all_equal(method.networks.scale_updates(updates), updates)


def test_an_lstm_at_a_tenth_of_the_rate_moves_a_tenth_and_nothing_else_differs():
    """Within TSAC, too: `test_without_edit_range_it_is_the_base`."""
    plain, slow = (examples.small("cmta", **{"cmta.memory_learning_rate": rate}) for rate in (0.0, 3e-5))
    start = examples.start(plain)
    with jax.enable_x64(True):
        before, fast, slowly = (
            dict(state.params.encoder["params"])
            for state in (examples.in_64_bits(start), step(plain, start), step(slow, start))
        )
        moved = jax.tree.map(lambda new, old: new - old, fast.pop("memory"), before["memory"])
        moved_slowly = jax.tree.map(lambda new, old: new - old, slowly.pop("memory"), before["memory"])
        largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(moved))
        assert largest > 1e-4  # Adam's first step is about its rate
        close(moved_slowly, jax.tree.map(lambda leaf: 0.1 * leaf, moved), rtol=1e-3, size=largest)
        close(slowly, fast, rtol=1e-11)


def test_the_optimisers_state_has_the_same_leaves_whatever_the_lstms_rate():
    methods = [examples.small("cmta", **{"cmta.memory_learning_rate": rate}) for rate in (0.0, 3e-4, 1e-5)]
    first, *others = (jax.eval_shape(method.init, jax.random.key(0)) for method in methods)
    for other in others:
        chex.assert_trees_all_equal_shapes_and_dtypes(other, first)


@pytest.mark.parametrize("flags", [{"cmta.temporal": False}, {"cmta.actor_encoder": "frozen_random"}])
def test_a_history_of_an_lstm_that_does_not_learn_is_refused(flags):
    with pytest.raises(ValueError, match="--cmta.memory_history=4 needs --cmta.temporal=true and --cmta.actor_encoder"):
        examples.small("cmta", **{"cmta.memory_history": 4}, **flags)


def test_a_rate_of_an_lstm_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="--cmta.memory_learning_rate=1e-05 needs --cmta.temporal=true"):
        examples.small("cmta", **{"cmta.memory_learning_rate": 1e-5, "cmta.temporal": False})
