"""What `get_attr`, `set_attr` and `call` of the vector environment do, and what happens to lanes that are lost."""

import json
import os
import signal

import gymnasium as gym
import numpy as np
import pytest

from cmta_jax.environments.vector_config import translate
from cmta_jax.environments.vector_env import MetaWorldVectorEnv

TASKS = ["reach-v3", "push-v3"]
STILL = np.zeros((2, 4), np.float32)


@pytest.fixture(scope="module")
def envs():
    config = translate("custom-mt-envs", {"envs_list": TASKS, "seed": 1, "max_episode_steps": 4})
    with_workers = MetaWorldVectorEnv(config, workers=2, timeout=2.0)
    yield with_workers
    with_workers.close()


def test_termination_is_set_for_all_lanes_or_for_each(envs):
    assert envs.get_attr("terminate_on_success") == envs.call("terminate_on_success") == (False, False)
    envs.set_attr("terminate_on_success", [True, False])
    assert envs.get_attr("terminate_on_success") == (True, False)
    envs.call("toggle_terminate_on_success", on=True)
    assert envs.get_attr("terminate_on_success") == (True, True)
    envs.set_attr("terminate_on_success", False)
    assert envs.get_attr("terminate_on_success") == (False, False)
    assert envs.get_attr("action_space") == (envs.single_action_space,) * 2
    assert envs.get_attr("observation_space") == (envs.single_observation_space,) * 2


@pytest.mark.parametrize(
    ("use", "error", "sentence"),
    [
        (lambda envs: envs.get_attr("tasks"), AttributeError, "no attribute 'tasks': there are task_name, terminate"),
        (lambda envs: envs.call("sample_tasks"), AttributeError, "no attribute 'sample_tasks'"),
        (lambda envs: envs.call("seed", 1), AttributeError, "no method 'seed': there are"),
        (
            lambda envs: envs.set_attr("seed", 1),
            AttributeError,
            "'seed' cannot be set in Meta-World-Fast: give it when",
        ),
        (lambda envs: envs.set_attr("terminate_on_success", [True]), ValueError, "has 1 values: give one, or one per"),
        (lambda envs: envs.call("load_checkpoint", []), ValueError, "has no 'reach-v3_0': it has nothing"),
        (lambda envs: envs.reset(seed=[1]), ValueError, "seed has 1 entries: give one for each of the 2"),
        (
            lambda envs: envs.reset(options={"reset_mask": [True]}),
            ValueError,
            "reset_mask must be a bool array of shape",
        ),
        (lambda envs: envs.step(STILL[:, :3]), ValueError, r"Actions must have shape \(2, 4\), got \(2, 3\)"),
        (lambda envs: envs.step(STILL * np.nan), ValueError, r"The action for lane 0 \(reach-v3\) is not finite"),
        (lambda envs: envs.call("render"), ValueError, "render needs render_mode='rgb_array'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(envs, use, error, sentence):
    envs.reset()
    with pytest.raises(error, match=sentence):
        use(envs)


def test_a_checkpoint_leads_to_the_same_episodes(envs):
    """Also in an environment that was made with another seed, and has other goal vectors."""
    saved = json.loads(json.dumps(envs.call("get_checkpoint")))
    assert [name for name, _ in saved] == ["reach-v3_0", "push-v3_1"]
    expected = [envs.reset()[0] for _ in range(3)]
    config = translate("custom-mt-envs", {"envs_list": TASKS, "seed": 7})
    other = MetaWorldVectorEnv(config, workers=1)
    own = dict(other.call("get_checkpoint"))
    mixed = [(name, {**state, "goal_vectors": own[name]["goal_vectors"]}) for name, state in saved]
    other.call("load_checkpoint", mixed)  # the same indices of goal sets, on other goal vectors
    assert all((other.reset()[0] != observation).any() for observation in expected)
    for restored in (envs, other):
        restored.call("load_checkpoint", saved)
        for observation in expected:
            np.testing.assert_array_equal(restored.reset()[0], observation)
    other.close()


def test_a_worker_that_hangs_is_replaced(envs):
    before, _ = envs.reset()
    worker = envs._team.workers[0]
    os.kill(worker.pid, signal.SIGSTOP)
    lost = np.isin(np.arange(2), worker.lanes)
    observation, _, _, truncated, infos = envs.step(STILL)
    np.testing.assert_array_equal(truncated, lost)
    np.testing.assert_array_equal(infos["worker_restarted"], lost)
    np.testing.assert_array_equal(infos["final_obs"][worker.lanes[0]], before[lost][0])
    assert np.isfinite(observation).all()
    assert "worker_restarted" not in envs.step(STILL)[4]


def test_lanes_that_are_lost_in_a_reset_of_others_truncate_at_the_next_step(envs):
    envs.reset()
    worker = envs._team.workers[1]
    lost = np.isin(np.arange(2), worker.lanes)
    os.kill(worker.pid, signal.SIGKILL)
    envs.reset(options={"reset_mask": ~lost})
    _, _, _, truncated, infos = envs.step(STILL)
    np.testing.assert_array_equal(truncated, lost)
    np.testing.assert_array_equal(infos["worker_restarted"], lost)
    assert not envs.step(STILL)[3].any()


def test_too_many_lost_workers_end_with_a_sentence():
    config = translate("MT1", {"env_name": "reach-v3", "seed": 0})
    envs = gym.wrappers.vector.RecordEpisodeStatistics(MetaWorldVectorEnv(config, workers=1, max_restarts=0))
    envs.reset()
    os.kill(envs.unwrapped._team.workers[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"after 0 restarts the run stops. Its tasks: reach-v3"):
        envs.step(STILL[:1])
    envs.close()
