"""The caller of a vector environment steps a share of the lanes itself, unless it asks for processes."""

import time

import mujoco
import numpy as np
import pytest

from cmta_jax.environments.pool import channel, resources
from cmta_jax.environments.vector_config import translate
from cmta_jax.environments.vector_env import MetaWorldVectorEnv

TASKS = ["reach-v3", "push-v3", "drawer-close-v3"]


def make(workers=None):
    return MetaWorldVectorEnv(translate("custom-mt-envs", {"envs_list": TASKS, "seed": 1}), workers=workers)


@pytest.fixture(scope="module")
def envs():
    """One process and the caller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "usable_cores", lambda: 2)
        shared = make()
    yield shared
    shared.close()


def actions(step):
    return np.random.default_rng(step).uniform(-1, 1, (3, 4)).astype(np.float32)


def own_lanes(envs):
    return np.isin(np.arange(3), envs._team.workers[0].lanes)


def test_the_caller_takes_the_place_of_one_process_and_every_number_stays_the_same(envs):
    assert [worker.pid is None for worker in envs._team.workers] == [True, False]
    apart = make(workers=1)
    assert apart._team.workers[0].pid is not None
    np.testing.assert_array_equal(envs.reset(seed=3)[0], apart.reset(seed=3)[0])
    for step in range(5):
        for ours, theirs in zip(envs.step(actions(step))[:4], apart.step(actions(step))[:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    apart.close()


@pytest.mark.parametrize("error", [ValueError("went wrong"), KeyboardInterrupt()])
def test_lanes_whose_step_broke_off_truncate_and_begin_anew(envs, monkeypatch, error):
    before, _ = envs.reset()

    def break_off():
        raise error

    monkeypatch.setattr(envs._team.workers[0]._own, "step", break_off)
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            envs.step(actions(0))
        result = envs.step_wait()  # the step is still under way
    else:
        result = envs.step(actions(0))
    observation, reward, _, truncated, infos = result
    lost = own_lanes(envs)
    np.testing.assert_array_equal(truncated, lost)
    np.testing.assert_array_equal(infos["worker_restarted"], lost)
    np.testing.assert_array_equal(infos["final_obs"][np.flatnonzero(lost)[0]], before[lost][0])
    assert np.isfinite(observation).all() and not reward[lost].any()
    assert not envs.step(actions(1))[3].any()


def test_an_interrupted_reset_begins_anew(envs, monkeypatch):
    expected = envs.reset(seed=5)[0]
    with monkeypatch.context() as patch:
        patch.setattr(envs._team.workers[0]._own, "reset", lambda lanes: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            envs.reset(seed=5)
    np.testing.assert_array_equal(envs.reset(seed=5)[0], expected)
    assert not envs._team.workers[1]._channel._poll.poll(50)  # every answer of the process was read


def test_mujocos_warnings_go_where_the_caller_wants_them_between_steps(envs):
    heard = []
    others = mujoco.get_mju_user_warning()
    try:
        mujoco.set_mju_user_warning(heard.append)
        envs.reset()
        envs.step(actions(0))
        assert mujoco.get_mju_user_warning() == heard.append
    finally:
        mujoco.set_mju_user_warning(others)


class Pipe:
    """A channel whose commands come after the given seconds."""

    def __init__(self, *after):
        self.after, self.spun = list(after), 0

    def spin(self, seconds):
        self.spun += 1

    def read(self):
        time.sleep(self.after.pop(0))
        return channel.STEP


@pytest.mark.parametrize("may_spin", [True, False])
def test_a_worker_stays_awake_only_after_a_command_that_came_soon(may_spin, monkeypatch):
    monkeypatch.setattr(channel, "_SPIN", 0.05)
    pipe = Pipe(0.2, 0.0, 0.2, 0.0)
    commands, stayed_awake = channel.Commands(pipe, may_spin), []
    for _ in range(4):
        already = pipe.spun
        commands.next()
        stayed_awake.append(pipe.spun > already)
    assert stayed_awake == [False, False, may_spin, False]
