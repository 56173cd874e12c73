"""The adapter for stable-baselines3. Where that is not installed, a stand-in for its base class serves."""

import importlib.util
import sys
import types

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from cmta_jax.environments.vector_adapter import as_vec_env

INSTALLED = importlib.util.find_spec("stable_baselines3") is not None
needs_it = pytest.mark.skipif(not INSTALLED, reason="needs the extra sb3")
STILL = np.zeros((3, 4), np.float32)


class StandIn:
    """What the adapter uses of stable_baselines3.common.vec_env.VecEnv."""

    def __init__(self, num_envs, observation_space, action_space):
        self.num_envs, self.observation_space, self.action_space = num_envs, observation_space, action_space
        self._reset_seeds()
        (self.render_mode,) = set(self.get_attr("render_mode"))

    def _reset_seeds(self):
        self._seeds = [None] * self.num_envs

    def _reset_options(self):
        pass

    def seed(self, seed):
        self._seeds = [seed + lane for lane in range(self.num_envs)]

    def _get_indices(self, indices):
        return range(self.num_envs) if indices is None else [indices] if isinstance(indices, int) else indices

    def step(self, actions):
        self.step_async(actions)
        return self.step_wait()


@pytest.fixture(scope="module")
def _stable_baselines():
    patch = pytest.MonkeyPatch()
    if not INSTALLED:
        names = ["stable_baselines3", "stable_baselines3.common", "stable_baselines3.common.vec_env"]
        for name in names:
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setattr(sys.modules[names[-1]], "VecEnv", StandIn, raising=False)
    yield
    patch.undo()
    sys.modules.pop("cmta_jax.environments.vector_stable_baselines", None)


def make(wrapper=lambda envs: envs, **keywords):
    settings = {"env_name": "reach-v3", "num_envs": 3, "seed": 0, "max_episode_steps": 3, **keywords}
    return wrapper(gym.make_vec("cmta_jax:Meta-World-Fast/MT1", **settings))


@pytest.fixture(scope="module")
def vec_env(_stable_baselines):
    adapted = as_vec_env(make())
    yield adapted
    adapted.close()


def test_an_episode_cut_off_by_time_is_marked_and_keeps_its_last_observation(vec_env):
    vec_env.seed(4)
    first = vec_env.reset()
    for step in (1, 2, 3):
        observation, reward, done, infos = vec_env.step(STILL)
        assert reward.dtype == np.float32 and reward.shape == (3,)
        np.testing.assert_array_equal(done, step == 3)
        assert [info["TimeLimit.truncated"] for info in infos] == [step == 3] * 3
        assert ["terminal_observation" in info for info in infos] == [step == 3] * 3
    assert {"success", "episode", "is_success", "obj_to_target"} <= infos[0].keys() and not infos[0]["is_success"]
    assert infos[0]["episode"]["l"] == 3
    assert all((info["terminal_observation"] != new).any() for info, new in zip(infos, observation, strict=True))
    vec_env.seed(4)
    np.testing.assert_array_equal(vec_env.reset(), first)
    assert (vec_env.reset() != first).any()


def test_an_episode_that_ends_with_success_is_not_marked_as_cut_off(vec_env):
    class Solved(gym.vector.VectorWrapper):
        def step(self, actions):
            final = {"success": np.array([1.0, 0, 0]), "_success": np.array([True, False, True])}
            ended = np.array([True, False, True])
            infos = {"final_obs": np.array([STILL[0], None, STILL[0]], object), "_final_obs": ended}
            infos |= {"final_info": final, "_final_info": ended}
            return np.zeros((3, 39)), np.ones(3), np.array([True, False, False]), np.array([True, False, True]), infos

    adapted = as_vec_env(Solved(vec_env.envs))
    _, _, done, infos = adapted.step(STILL)
    np.testing.assert_array_equal(done, [True, False, True])
    assert [info["TimeLimit.truncated"] for info in infos] == [False, False, True]
    assert [info.get("is_success") for info in infos] == [True, None, False]


def test_attributes_and_methods_of_single_environments(vec_env):
    vec_env.set_attr("terminate_on_success", True, indices=1)
    assert vec_env.get_attr("terminate_on_success") == [False, True, False]
    assert vec_env.get_attr("terminate_on_success", [1, 2]) == [True, False]
    vec_env.env_method("toggle_terminate_on_success", False)
    assert vec_env.get_attr("terminate_on_success", 1) == [False]
    assert vec_env.env_is_wrapped(gym.Wrapper) == [False] * 3
    assert vec_env.get_attr("render_mode", 0) == [None] and vec_env.render_mode is None


def test_wrappers_below_the_adapter_see_every_step(vec_env):
    wrapped = gym.wrappers.vector.ClipReward(vec_env.envs, 0.0, 0.01)
    adapted = as_vec_env(wrapped)
    adapted.reset()
    assert adapted.step(STILL)[1].max() == np.float32(0.01)
    assert adapted.get_attr("max_path_length", 0) == [500]


def test_another_autoreset_mode_is_refused():
    envs = types.SimpleNamespace(metadata={"autoreset_mode": AutoresetMode.NEXT_STEP})
    with pytest.raises(ValueError, match="as_vec_env needs autoreset_mode=SAME_STEP.*, not AutoresetMode.NEXT_STEP"):
        as_vec_env(envs)


def test_without_stable_baselines_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.vec_env", None)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    monkeypatch.delitem(sys.modules, "cmta_jax.environments.vector_stable_baselines", raising=False)
    envs = types.SimpleNamespace(metadata={"autoreset_mode": AutoresetMode.SAME_STEP})
    with pytest.raises(ImportError, match="as_vec_env needs stable-baselines3: pip install stable-baselines3"):
        as_vec_env(envs)


@needs_it
@pytest.mark.slow
def test_stable_baselines_sac_learns_for_2000_steps():
    from stable_baselines3 import SAC
    from stable_baselines3.common.evaluation import evaluate_policy

    adapted = as_vec_env(make(num_envs=2, max_episode_steps=100))
    model = SAC("MlpPolicy", adapted, learning_starts=200, seed=0, policy_kwargs={"net_arch": [64, 64]})
    model.learn(2000)
    assert model.num_timesteps == 2000 and model._n_updates == 900  # one update for two steps, after the first 200
    assert len(model.ep_info_buffer) == 20 and all(info["l"] == 100 for info in model.ep_info_buffer)
    assert np.isfinite(evaluate_policy(model, adapted, n_eval_episodes=2, warn=False)[0])
    adapted.close()
