"""Scaled rewards, as arithmetic: five rewards on paper for each `--reward_scaling`."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_numbers as reference
from method_examples import as_written

from cmta_jax.config import TrainingConfig
from cmta_jax.training import replay as replay_lib
from cmta_jax.training import reward_scaling
from cmta_jax.types import Transition


@functools.partial(as_written, static_argnames="discount")
def after(statistics, replay, reward, valid, last, discount):
    """Statistics and replay after one step of all lanes."""
    zeros = jnp.zeros((*reward.shape, 1))
    row = Transition(zeros, zeros, reward, jnp.ones_like(reward), zeros, zeros[..., 0] > 0, (), ())
    replay = replay_lib.add(replay, row, last, valid)
    statistics = reward_scaling.update(
        statistics, reward, valid=valid, last=last, replaced=replay_lib.replaced(replay), discount=discount
    )
    return statistics, replay


def seen(rewards, *, last=(), rows=100, faulty=(), discount=0.5):
    """The replay and the statistics after raw rewards `[T, N]`; `last` and `faulty` are steps (numbers from 0)."""
    rewards = np.asarray(rewards, np.float32)
    lanes = (rewards.shape[1], 1)
    zeros = jnp.zeros((*lanes, 1))
    replay = replay_lib.init(replay_lib.Row(zeros, zeros, zeros[..., 0], zeros[..., 0], zeros[..., 0] > 0, ()), rows)
    statistics = reward_scaling.init_statistics(lanes)
    for number, reward in enumerate(rewards[..., None]):
        ends, valid = np.full(lanes, number in {*last, *faulty}), np.full(lanes, number not in faulty)
        statistics, replay = after(statistics, replay, reward, valid, ends, discount)
    return replay, statistics


def factor(scaling, statistics, scale=1.0):
    return reward_scaling.factor(TrainingConfig(reward_scaling=scaling, reward_scale=scale), statistics)


FIVE = [[0.0, 9.0], [1.0, 9.0], [0.0, 9.0], [1.0, 9.0], [0.0, 9.0]]  # of two tasks: means 0.4 and 9


def test_none_is_the_raw_reward_times_the_scale():
    _, statistics = seen(FIVE)
    assert factor("none", statistics) == 1.0
    np.testing.assert_allclose(reward_scaling.scale(jnp.asarray(FIVE).T, factor("none", statistics, 0.1))[1], 0.9)


def test_a_factor_of_one_leaves_the_batch_as_it_is():
    rewards = jnp.asarray(FIVE)
    assert reward_scaling.scale(rewards, 1.0) is rewards


def test_mean_gives_every_task_the_largest_mean():
    """Task 0: 9 / 0.4 = 22.5; task 1: 9 / 9 = 1."""
    _, statistics = seen(FIVE)
    np.testing.assert_allclose(factor("mean", statistics), [22.5, 1.0], rtol=1e-6)
    np.testing.assert_allclose(factor("mean", statistics, 0.1), [2.25, 0.1], rtol=1e-6)


def test_mean_counts_absolute_rewards_and_no_mean_below_a_hundredth():
    """Task 0: mean |r| 0, so 2 / 0.01; task 1: rewards of -2 keep their sign, 2 / 2."""
    _, statistics = seen([[0.0, -2.0]] * 5)
    np.testing.assert_allclose(factor("mean", statistics), [200.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize(("rows", "last"), [(7, ()), (7, (2, 5, 8, 11)), (9, (4, 9, 13))])
def test_mean_is_that_of_the_replay_while_old_rows_are_overwritten(rows, last):
    rewards = np.random.default_rng(0).uniform(0, 10, (40, 2)).astype(np.float32)
    replay, statistics = seen(rewards, rows=rows, last=last)
    for task in range(2):
        next_rows = (replay.cursor[task, 0] + np.arange(2)) % rows
        stored = replay.rows.reward[task, 0][replay.valid[task, 0].at[next_rows].set(False)]
        assert int(statistics.count[task, 0]) == len(stored) < 9
        np.testing.assert_allclose(statistics.mean[task, 0], stored.mean(), rtol=1e-4)


def test_a_faulty_transition_counts_nowhere_and_its_episode_is_not_one():
    _, faulty = seen([[1.0], [2.0], [50.0], [3.0]], faulty=(2,))
    assert (float(faulty.count[0, 0]), float(faulty.largest[0, 0])) == (3.0, 3.0)
    np.testing.assert_allclose(faulty.mean, 2.0, rtol=1e-6)
    assert (float(faulty.to_come[0, 0]), float(faulty.trace[0, 0])) == (0.0, 3.0)


def test_max_return_divides_by_the_largest_discounted_return():
    """Discount 0.5: task 0 has G = 4, 2, 1+8=9, 4.5, and a new episode begins after the third step: 9, then 1."""
    _, statistics = seen([[4.0], [0.0], [8.0], [1.0]], last=(2,))
    np.testing.assert_allclose(statistics.largest_trace, 9.0)  # 0.25 * 4 + 0.5 * 0 + 8
    np.testing.assert_allclose(factor("max_return", statistics, 10.0), [10.0 / 9.0], rtol=1e-6)
    _, nothing = seen([[0.0]] * 3)
    np.testing.assert_allclose(factor("max_return", nothing), [100.0])


def test_the_return_to_come_is_the_mean_over_an_episodes_steps():
    """Rewards 1, 2, 4, discount 0.5: to come 1 + 1 + 1 = 3, 2 + 2 = 4, and 4; on average 11 / 3."""
    _, statistics = seen([[1.0], [2.0], [4.0], [8.0]], last=(2,))
    np.testing.assert_allclose(statistics.to_come, 11 / 3, rtol=1e-6)


def test_the_gap_and_the_limit_of_values():
    """Factor 0.1: to come 1.1 / 3, limit (0.1 * 8 + 0.5 * 2) / (1 - 0.5) = 3.6; negative entropy gives nothing."""
    _, statistics = seen([[1.0], [2.0], [4.0], [8.0]], last=(2,))
    update = {"q_mean": jnp.array([2.0]), "temperature": jnp.array([0.5]), "entropy": jnp.array([2.0])}
    found = reward_scaling.value_metrics(update, statistics, 0.1, 0.5)
    np.testing.assert_allclose(found["value_gap"], 2.0 - 1.1 / 3, rtol=1e-6)
    np.testing.assert_allclose(found["value_limit"], 3.6, rtol=1e-6)
    found = reward_scaling.value_metrics({**update, "entropy": jnp.array([-2.0])}, statistics, 0.1, 0.5)
    np.testing.assert_allclose(found["value_limit"], 1.6, rtol=1e-6)
    assert set(reward_scaling.value_metrics(update, statistics, 0.1, 1.0)) == {"value_gap"}
    assert reward_scaling.value_metrics({}, statistics, 0.1, 0.5) == {}


def test_the_batch_is_described_raw_and_scaled():
    """1 and 3: mean 2, deviation 1; times 10."""
    running = reward_scaling.RunningStd(jnp.array([[7.0]]), jnp.array([[9.0]]))
    stored, statistics = jnp.array([[1.0, 3.0]]), reward_scaling.init_statistics((1, 1))
    raw = reward_scaling.metrics(running, statistics, stored=stored, factor=jnp.array([10.0]), normalized=False)
    assert {name: float(value[0]) for name, value in raw.items()} == {
        "raw_reward_mean": 2.0, "raw_reward_std": 1.0, "reward_mean": 20.0, "reward_std": 10.0,
    }  # fmt: skip
    kept = reward_scaling.metrics(running, statistics, stored=stored, factor=1.0, normalized=True)
    assert [float(kept[name][0]) for name in ("raw_reward_mean", "raw_reward_std")] == [7.0, 3.0]


@pytest.mark.usefixtures("x64")
def test_running_std_equals_the_reference():
    numbers = reference.load("reward_norm")
    state, valid = reward_scaling.init_running_std((1, 1)), jnp.ones((1, 1), bool)
    state = jax.tree.map(lambda leaf: leaf.astype(float), state)
    update = jax.jit(reward_scaling.RunningStd.update)
    for raw, expected, variance in zip(numbers["raw"], numbers["normalized"], numbers["var"], strict=True):
        reward = jnp.full((1, 1), raw)
        state = update(state, reward, valid)
        np.testing.assert_allclose(state.normalize(reward), expected, rtol=1e-9)
        np.testing.assert_allclose(state.variance, variance, rtol=1e-9)
    chex.assert_trees_all_equal(update(state, jnp.full((1, 1), 1e9), ~valid), state)
