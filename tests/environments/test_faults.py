"""Workers that die, hang or go astray: their lanes begin anew, nothing wrong is stored, and it is told."""

import logging
import os
import signal
import time

import numpy as np
import pytest

from cmta_jax.environments import EnvironmentConfig, Pool
from cmta_jax.environments.pool.faults import FaultRecord, TooManyFaults

TASKS = ("reach-v3", "drawer-close-v3")
LANES, HORIZON = 4, 6


def make_pool(**arguments):
    return Pool(EnvironmentConfig(TASKS, horizon=HORIZON), seeds=[0], copies=2, workers=2, **arguments)


@pytest.fixture(scope="module")
def shared_pool():
    with make_pool(max_restarts=100) as pool:
        yield pool


@pytest.fixture
def pool(shared_pool):
    """A pool at the beginning of episode 0, with counts at zero."""
    shared_pool.faults.restarts = shared_pool.faults.failed_episodes = 0
    shared_pool.reset()
    return shared_pool


def actions(seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (LANES, 4)).astype(np.float32)


def step(pool, seed=0):
    pool.send(actions(seed))
    return pool.receive()


def lanes_of(pool, worker):
    mask = np.zeros(LANES, bool)
    mask[pool._team.workers[worker].lanes] = True
    return mask


def kill(pool, worker=0):
    os.kill(pool.worker_pids[worker], signal.SIGKILL)


def assert_restarted(result, lanes):
    """The lanes of the lost worker begin an episode and are not to be learned from; the others go on."""
    np.testing.assert_array_equal(result.valid, ~lanes)
    np.testing.assert_array_equal(result.first, lanes)
    assert all(np.isfinite(value).all() for value in result)
    assert not result.success[lanes].any() and not result.reward[lanes].any()
    np.testing.assert_array_equal(result.observation[~lanes], result.next_observation[~lanes])
    assert (result.observation[lanes] != result.next_observation[lanes]).any(axis=1).all()


@pytest.mark.parametrize("moment", ["before send", "after send"])
def test_lanes_of_a_killed_worker_begin_anew_and_the_others_notice_nothing(pool, moment, caplog):
    undisturbed = [step(pool, seed) for seed in range(HORIZON + 2)]
    lanes = lanes_of(pool, 0)
    pool.reset()
    step(pool, 0)
    if moment == "before send":
        kill(pool)
    else:
        os.kill(pool.worker_pids[0], signal.SIGSTOP)  # or it might be done before it is killed
    pool.send(actions(1))
    if moment == "after send":
        kill(pool)
    with caplog.at_level(logging.WARNING):
        assert_restarted(pool.receive(), lanes)
    assert pool.faults.restarts == 1
    assert "was killed by SIGKILL; restarting it (1)" in caplog.text
    assert all(task in caplog.text for task in {pool.lane_tasks[lane] for lane in np.flatnonzero(lanes)})
    after = [step(pool, seed) for seed in range(2, HORIZON + 2)]
    for result, expected in zip(after, undisturbed[2:], strict=True):
        np.testing.assert_array_equal(result.next_observation[~lanes], expected.next_observation[~lanes])
        assert result.valid.all()
    np.testing.assert_array_equal(after[HORIZON - 3].first, np.ones(LANES, bool))  # the common end of the episode
    np.testing.assert_array_equal(after[-1].next_observation, undisturbed[-1].next_observation)  # all as ever


def test_a_worker_killed_at_the_end_of_an_episode_begins_the_next_one_like_the_others(pool):
    undisturbed = [step(pool, seed) for seed in range(HORIZON + 1)]
    pool.reset()
    for seed in range(HORIZON - 1):
        step(pool, seed)
    kill(pool, 1)
    last = step(pool, HORIZON - 1)
    np.testing.assert_array_equal(last.valid, ~lanes_of(pool, 1))
    assert last.first.all()
    np.testing.assert_array_equal(last.observation, undisturbed[HORIZON - 1].observation)
    np.testing.assert_array_equal(step(pool, HORIZON).next_observation, undisturbed[HORIZON].next_observation)


def test_a_worker_killed_before_a_reset_is_replaced_without_a_trace_in_the_data(pool):
    observation = pool.reset(episode=3)
    first = step(pool)
    kill(pool)
    np.testing.assert_array_equal(pool.reset(episode=3), observation)
    np.testing.assert_array_equal(step(pool).next_observation, first.next_observation)


def test_a_snapshot_taken_after_a_fault_is_come_back_to_exactly(pool):
    step(pool, 0)
    kill(pool)
    step(pool, 1)
    snapshot = pool.snapshot()
    expected = [step(pool, 2), step(pool, 3)]
    pool.restore(snapshot)
    for seed, result in zip((2, 3), expected, strict=True):
        np.testing.assert_array_equal(step(pool, seed).next_observation, result.next_observation)
    pool.restore(snapshot)
    kill(pool, 1)
    pool.restore(snapshot)
    np.testing.assert_array_equal(step(pool, 2).next_observation, expected[0].next_observation)


def test_a_worker_that_hangs_is_replaced(pool, monkeypatch):
    monkeypatch.setattr(pool._team, "_timeout", 1.0)
    os.kill(pool.worker_pids[0], signal.SIGSTOP)
    began = time.monotonic()
    assert_restarted(step(pool), lanes_of(pool, 0))
    assert time.monotonic() - began > 1.0
    monkeypatch.undo()
    assert step(pool).valid.all()


def test_physics_gone_astray_ends_that_episode_only_and_is_named(pool, monkeypatch, caplog):
    goal_set = int(pool._episodes.goal_sets[3])
    step(pool)
    poisoned = actions()
    poisoned[3, 0] = np.nan
    for number in (1, 2):  # MuJoCo warns once per kind unless its counts are cleared
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr(pool, "_checked", lambda action: action)  # let through what is refused otherwise
            pool.send(poisoned)
        assert_restarted(pool.receive(), np.arange(LANES) == 3)
        assert (pool.faults.failed_episodes, pool.faults.restarts) == (number, 0)
    assert f"drawer-close-v3, goal set {goal_set}, step 1" in caplog.text
    assert not os.path.exists("MUJOCO_LOG.TXT")
    assert step(pool).valid.all()


def test_after_too_many_restarts_the_run_stops_and_says_why():
    with Pool(EnvironmentConfig(TASKS[:1]), seeds=[0], max_restarts=0) as pool:
        pool.reset()
        kill(pool)
        pool.send(np.zeros((1, 4)))
        with pytest.raises(TooManyFaults, match="was killed by SIGKILL; after 0 restarts.* Its tasks: reach-v3."):
            pool.receive()


def test_a_lane_that_fails_again_and_again_stops_the_run():
    record = FaultRecord(["reach-v3", "push-v3"], max_restarts=2)
    record.episode_failed(1, 7, 30, "it broke")
    record.episode_failed(1, 8, 31, "it broke")
    record.episode_ended(np.array([False, True]))  # a good episode in between: counted anew
    record.episode_failed(1, 9, 32, "it broke")
    record.episode_failed(0, 9, 32, "it broke")
    record.episode_failed(1, 9, 32, "it broke")
    with pytest.raises(TooManyFaults, match=r"3 episodes in a row \(push-v3, goal set 9, step 33\). Last cause:\nboom"):
        record.episode_failed(1, 9, 33, "boom")
    assert record.failed_episodes == 6


def test_environments_that_cannot_be_built_stop_the_run_at_once_with_the_traceback(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "no such thing")
    with pytest.raises(RuntimeError, match="(?s)environments of reach-v3 could not be built.*Traceback.*no such thing"):
        Pool(EnvironmentConfig(TASKS[:1]), seeds=[0])
