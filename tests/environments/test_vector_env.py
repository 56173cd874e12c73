"""The vector environment gives what Meta-World's own gives, byte for byte, and keeps Gymnasium's rules."""

import functools
import os
import signal
import subprocess
import sys
import types

import gymnasium as gym
import metaworld
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from metaworld.env_dict import MT10_V3
from metaworld.evaluation import evaluation
from metaworld.policies import ENV_POLICY_MAP
from stepping import compile_models_once

import cmta_jax
from cmta_jax.environments import MT10, MT50
from cmta_jax.environments.benchmarks import MT25
from cmta_jax.environments.goals.vectors import as_task
from cmta_jax.environments.simulator.fast import FastSimulator
from cmta_jax.environments.simulator.models import compile_once
from cmta_jax.environments.sizes import INFO_KEYS
from cmta_jax.environments.vector_infos import EpisodeStatistics

pytestmark = pytest.mark.filterwarnings("ignore")  # of metaworld and of its scripted policies

TASKS = ("reach-v3", "drawer-close-v3", "push-v3")  # the scripted policies need about 70 steps, the drawer's 80
MODES = list(AutoresetMode)


@pytest.fixture(scope="module", autouse=True)
def quick_metaworld():
    """Metaworld draws the goals of a task and a seed once, which takes half a second, and compiles a model once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metaworld, "MT1", functools.cache(metaworld.MT1))
        compile_models_once(patch)
        yield


def make_pair(benchmark="custom-mt-envs", **keywords):
    """Metaworld's environment and ours."""
    if benchmark == "custom-mt-envs":
        keywords["envs_list"] = list(TASKS)
    stock = gym.make_vec(f"Meta-World/{benchmark}", vector_strategy="sync", **keywords)
    return stock, gym.make_vec(f"cmta_jax:Meta-World-Fast/{benchmark}", **keywords)


def experts(names, noise=0.1):
    """Actions [L, 4] of metaworld's scripted policies, with a little noise."""
    policies, generator = [ENV_POLICY_MAP[name]() for name in names], np.random.default_rng(0)

    def act(observation):
        actions = [policy.get_action(row[:39]) for policy, row in zip(policies, observation, strict=True)]
        return np.clip(actions + noise * generator.normal(size=(len(names), 4)), -1, 1).astype(np.float32)

    return act


def assert_same_infos(ours, theirs):
    """Equal keys, masks and values; durations are only positive, and metaworld's dtypes follow its first lane."""
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if isinstance(value, dict):
            assert_same_infos(ours[key], value)
        elif key == "t":
            assert (ours[key][ours["_t"]] > 0).all()
        elif value.dtype == object:
            assert [x is None for x in ours[key]] == [x is None for x in value]
            for own, other in zip(ours[key], value, strict=True):
                np.testing.assert_array_equal(own, other)
        elif key == "r":
            assert ours[key].dtype == value.dtype
            np.testing.assert_array_equal(ours[key], value)
        elif value.dtype in (bool, np.float64) or key in ("l", "success"):
            np.testing.assert_array_equal(ours[key], value, err_msg=key)


def assert_same_episodes(stock, fast, act, steps):
    """Steps both with the same actions; returns how many episodes ended, and how many of them with success."""
    observation, infos = stock.reset()
    own, own_infos = fast.reset()
    np.testing.assert_array_equal(own, observation)
    assert (own_infos, own.dtype) == (infos, observation.dtype)
    ends = successes = 0
    for step in range(steps):
        action = act(observation)
        observation, reward, terminated, truncated, infos = stock.step(action)
        results = fast.step(action)
        for name, mine, other in zip(
            ("observation", "reward", "terminated", "truncated"),
            results[:4],
            (observation, reward, terminated, truncated),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, other, err_msg=f"{name} at step {step}")
            assert mine.dtype == other.dtype
        assert_same_infos(results[4], infos)
        ended = terminated | truncated
        ends, successes = ends + int(ended.sum()), successes + int(terminated.sum())
        if ended.any() and fast.metadata["autoreset_mode"] == AutoresetMode.DISABLED:
            observation, _ = stock.reset(options={"reset_mask": ended})
            np.testing.assert_array_equal(fast.reset(options={"reset_mask": ended})[0], observation)
    return ends, successes


@pytest.mark.parametrize("mode", MODES)
def test_episodes_that_end_at_different_steps_equal_metaworlds(mode):
    stock, fast = make_pair(seed=3, autoreset_mode=mode, terminate_on_success=True, max_episode_steps=75)
    ends, successes = assert_same_episodes(stock, fast, experts(TASKS), steps=90)
    fast.close()
    assert (ends, successes) == (3, 2)


@pytest.mark.parametrize(("kinds", "dtype"), [([1, 0], np.float32), ([0, 1], np.float64)])
def test_returns_have_the_type_of_the_first_as_in_gymnasium(kinds, dtype):
    statistics, both = EpisodeStatistics(2), np.ones(2, bool)
    statistics.step(np.full(2, 0.1), np.array(kinds, np.int8), both)
    returns = statistics.infos(both)["r"]
    assert returns.dtype == dtype
    np.testing.assert_array_equal(returns, [np.float32(0.1) if dtype == np.float32 or kind else 0.1 for kind in kinds])


class QuickMT10:
    """`metaworld.MT10` with goals that the fast simulator draws: `test_goal_sets` compares them with metaworld's."""

    train_classes = MT10_V3

    def __init__(self, seed):
        stream = np.random.RandomState(seed)
        with compile_once():
            self.train_tasks = [
                as_task(task, vector) for task in MT10 for vector in FastSimulator(task).draw_goal_vectors(stream)
            ]


def test_mt10_equals_metaworlds_with_one_hot_tasks(monkeypatch):
    monkeypatch.setattr(metaworld, "MT10", QuickMT10)
    stock, fast = make_pair("MT10", seed=0, use_one_hot=True, max_episode_steps=6)
    assert fast.single_observation_space.shape == stock.single_observation_space.shape == (49,)
    assert assert_same_episodes(stock, fast, experts(MT10), steps=14) == (20, 0)
    fast.close()


@functools.cache
def official_goals(seed, original=metaworld.MT10):
    return original(seed=seed)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("terminate", [False, True])
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("mode", MODES)
def test_whole_episodes_of_mt10_equal_metaworlds(mode, version, terminate, seed, monkeypatch):
    monkeypatch.setattr(metaworld, "MT10", official_goals)  # they are drawn once for each seed
    keywords = {"seed": seed, "reward_function_version": version, "terminate_on_success": terminate}
    stock, fast = make_pair("MT10", autoreset_mode=mode, **keywords)
    assert assert_same_episodes(stock, fast, experts(MT10), steps=1010)[0] >= 20
    fast.close()


def test_metaworlds_evaluation_gives_the_same_three_results():
    class Agent:
        def __init__(self):
            self.eval_action = experts(TASKS)

        def reset(self, env_mask):
            pass

    results = []
    for envs in make_pair(seed=3, max_episode_steps=75):
        results.append(evaluation(Agent(), envs, num_episodes=1)[:3])
        envs.close()
    assert results[0] == results[1]
    assert results[0][0] > 0


@pytest.mark.slow
def test_metaworlds_experts_solve_all_50_tasks_as_often_as_on_its_own_environments():
    results = []
    for envs in make_pair("MT50", seed=0):
        agent = types.SimpleNamespace(eval_action=experts(MT50, noise=0.0), reset=lambda env_mask: None)
        results.append(evaluation(agent, envs, num_episodes=2))
        envs.close()
    assert results[0] == results[1]
    print("solved:", results[0][0], results[0][2])
    assert results[0][0] > 0.9


@pytest.fixture(scope="module")
def envs():
    settings = {"env_name": "reach-v3", "num_envs": 3, "seed": 0, "max_episode_steps": 5, "workers": 2}
    envs = gym.make_vec("cmta_jax:Meta-World-Fast/MT1", **settings)
    yield envs
    envs.close()


def test_reset_with_a_seed_repeats_the_goals_of_each_lane(envs):
    first, _ = envs.reset(seed=7)
    other, _ = envs.reset()
    again, _ = envs.reset(seed=7)
    np.testing.assert_array_equal(again, first)
    assert (other != first).any()
    shifted, _ = envs.reset(seed=8)  # lane i has seed 8 + i, which lane i + 1 had before
    np.testing.assert_array_equal(shifted[:2], first[1:])


def test_other_work_can_be_done_between_step_async_and_step_wait(envs):
    actions = np.full((3, 4), 0.3, np.float32)
    envs.reset(seed=1)
    expected = envs.step(actions)
    envs.reset(seed=1)
    envs.step_async(actions)
    with pytest.raises(RuntimeError, match="call step_wait"):
        envs.step_async(actions)
    np.testing.assert_array_equal(envs.step_wait()[0], expected[0])
    with pytest.raises(RuntimeError, match="call step_async"):
        envs.step_wait()


def test_lanes_of_a_killed_worker_truncate_and_begin_anew(envs):
    before, _ = envs.reset(seed=2)
    worker = envs.unwrapped._team.workers[0]
    lanes = np.isin(np.arange(3), worker.lanes)
    os.kill(worker.pid, signal.SIGKILL)
    observation, reward, terminated, truncated, infos = envs.step(np.zeros((3, 4), np.float32))
    np.testing.assert_array_equal(truncated, lanes)
    np.testing.assert_array_equal(infos["worker_restarted"], lanes)
    assert not terminated.any() and not reward[lanes].any()
    np.testing.assert_array_equal(infos["final_obs"][np.flatnonzero(lanes)[0]], before[lanes][0])
    assert np.isfinite(observation).all()
    assert not envs.step(np.zeros((3, 4), np.float32))[3].any()


def test_gymnasiums_wrappers_accept_the_environment():
    wrappers, settings = gym.wrappers.vector, {"seed": 0, "max_episode_steps": 3}
    envs = gym.make_vec("cmta_jax:Meta-World-Fast/reach-v3", autoreset_mode=AutoresetMode.NEXT_STEP, **settings)
    counted = wrappers.RecordEpisodeStatistics(envs, stats_key="counted")  # `episode` is there, as in metaworld
    wrapped = wrappers.DictInfoToList(wrappers.NormalizeObservation(wrappers.NormalizeReward(counted)))
    wrapped.reset()
    for step in (1, 2, 3):
        observation, _, _, truncated, (info,) = wrapped.step(np.zeros((1, 4), np.float32))
        assert truncated.tolist() == [step == 3] and np.isfinite(observation).all()
    wrapped.close()
    assert info["episode"]["l"] == info["counted"]["l"] == 3 and {"success", "obj_to_target"} <= info.keys()


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"reward_function_version": "v3"}, "reward_function_version='v3' is not possible: choose one of v2, v1"),
        ({"task_select": "pseudorandom"}, "task_select='pseudorandom' is not available"),
        ({"num_envs": 15}, "num_envs=15 is not possible: give a multiple of the 10 tasks"),
        ({"num_envs": 0}, "num_envs=0 is not possible: give a multiple of the 10 tasks"),
        ({"max_episode_steps": -1}, "give a value of at least 1"),
        ({"seed": -1}, "seed=-1 is not possible: give a whole number from 0 to 4000000000"),
        ({"seed": 0.5}, "seed=0.5 is not possible"),
        ({"autoreset_mode": "never"}, "autoreset_mode='never' is not possible: choose one of AutoresetMode.NEXT_STEP"),
        ({"workers": 0}, "0 environment workers cannot step anything: ask for at least 1"),
        ({"one_hot": True}, "no keyword 'one_hot': its others are use_one_hot, terminate_on_success"),
        ({"copies": 2}, "no keyword 'copies'"),
        ({"benchmark": "MT1"}, "env_name=None is not possible: name one task, as in env_name='reach-v3'"),
        ({"benchmark": "MT1", "env_name": "reach"}, "Unknown task or benchmark 'reach': did you mean 'reach-v3'"),
        ({"benchmark": "custom-mt-envs", "envs_list": "reach-v3"}, "envs_list='reach-v3' is not possible: give a list"),
        ({"benchmark": "custom-mt-envs", "envs_list": []}, "No task was named"),
        ({"benchmark": "ML10"}, "There is no benchmark 'ML10': choose one of MT1, MT10, MT25, MT50, custom-mt-envs"),
    ],
)
def test_what_is_not_built_is_refused_before_a_process_starts(keywords, sentence, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises((ValueError, TypeError), match=sentence):
        cmta_jax.make_vec(**{"benchmark": "MT10", **keywords})


def test_a_closed_environment_says_so():
    envs = gym.make_vec("cmta_jax:Meta-World-Fast/reach-v3", seed=0)
    envs.close()
    for use in (envs.reset, lambda: envs.step(np.zeros((1, 4))), envs.render):
        with pytest.raises(gym.error.ClosedEnvironmentError, match="The environment was closed: make a new one"):
            use()


def test_names_are_metaworlds():
    from metaworld.env_dict import MT25_V3

    assert MT25 == tuple(MT25_V3)
    stock, fast = make_pair(seed=0)
    for name in ("task_name", "terminate_on_success", "max_path_length"):
        assert fast.get_attr(name) == stock.get_attr(name)
    assert len(INFO_KEYS) == 7
    fast.close()


def test_the_import_registers_the_ids_and_imports_neither_jax_nor_metaworld():
    code = (
        "import cmta_jax, gymnasium, sys; gymnasium.spec('Meta-World-Fast/MT10');"
        "print({'jax', 'mujoco', 'metaworld'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
