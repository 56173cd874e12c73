"""The multipliers of TSAC (docs/methods.md, 6.5)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cmta_jax.methods import tsac
from cmta_jax.methods.tsac import multiplier

HORIZON = 8  # a power of two, so that half of it is the budget to the last bit: Adam's steps do not shrink with the gap


def after(config, *episodes):
    """Multipliers `[episodes + 1, N]` as episodes `[N, C]` of successful steps come in."""
    episodes = jnp.asarray(episodes, jnp.float32)

    def step(state, successes):
        state = multiplier.finish_episode(config, HORIZON, state, successes)
        return state, multiplier.value(state)

    start = multiplier.init(config, episodes.shape[1])
    _, values = jax.jit(lambda: jax.lax.scan(step, start, episodes))()
    return np.concatenate([multiplier.value(start)[None], values])


def always(successes, times=3000):
    return [[[successes]]] * times


def test_it_starts_at_one():
    np.testing.assert_allclose(multiplier.value(multiplier.init(tsac.Config(), 2)), [1.0, 1.0], rtol=1e-6)


def test_without_success_it_rises_to_the_cap_and_stays_there():
    values = after(tsac.Config(), *always(0))[:, 0]
    assert np.all(np.diff(values) >= 0)
    assert 800 < np.argmax(values > 9.99) < 1100  # docs/methods.md, 6.3: about 950 episodes
    np.testing.assert_allclose(values[-1], 10.0, rtol=1e-5)


def test_with_nothing_but_success_it_falls_towards_zero():
    values = after(tsac.Config(), *always(HORIZON))[:, 0]
    assert np.all(np.diff(values) < 0)
    assert values[-1] < 0.01


def test_at_the_budget_it_stays():
    values = after(tsac.Config(budget=0.5), *always(4, times=50))
    np.testing.assert_array_equal(values, np.broadcast_to(values[0], values.shape))


def test_one_tasks_success_moves_no_other_tasks_multiplier():
    one, other = [[0], [2], [7]], [[8], [2], [7]]
    values, changed = (after(tsac.Config(), *[episode] * 20) for episode in (one, other))
    np.testing.assert_array_equal(values[:, 1:], changed[:, 1:])
    assert values[-1, 0] > 1.0 > changed[-1, 0]


def test_permuting_tasks_permutes_multipliers():
    episodes = np.random.default_rng(0).integers(0, HORIZON + 1, (30, 3, 2))
    order = [2, 0, 1]
    np.testing.assert_array_equal(after(tsac.Config(), *episodes)[:, order], after(tsac.Config(), *episodes[:, order]))


def test_identical_tasks_have_the_shared_multiplier():
    episodes = np.repeat(np.random.default_rng(0).integers(0, HORIZON + 1, (30, 1, 2)), 2, axis=1)
    np.testing.assert_array_equal(
        after(tsac.Config(), *episodes), after(tsac.Config(shared_multiplier=True), *episodes)
    )


def test_a_shared_multiplier_follows_the_mean_success():
    uneven, even = [[0], [8]], [[4], [4]]
    config = tsac.Config(shared_multiplier=True, budget=0.3)
    values = after(config, *[uneven] * 20)
    np.testing.assert_array_equal(values[:, 0], values[:, 1])
    np.testing.assert_allclose(values, after(config, *[even] * 20), rtol=1e-6)


def test_copies_of_a_task_count_together():
    np.testing.assert_allclose(
        after(tsac.Config(), *[[[0, 6]]] * 20), after(tsac.Config(), *[[[3, 3]]] * 20), rtol=1e-6
    )


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_fixed_multiplier_stays_and_still_reports_success(value):
    config = tsac.Config(learn_multiplier=False, initial_multiplier=value)
    np.testing.assert_allclose(after(config, *always(0, times=5)), value, rtol=1e-6)
    state = multiplier.finish_episode(config, HORIZON, multiplier.init(config, 1), jnp.array([[6]]))
    np.testing.assert_allclose(state.success.total / state.success.weight, [0.75], rtol=1e-6)
