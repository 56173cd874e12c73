"""One task as a gymnasium.Env: it gives what Meta-World's own gives, and Gymnasium's checker accepts it."""

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

pytestmark = pytest.mark.filterwarnings("ignore")  # of metaworld's observation spaces


def make(task="reach-v3", **keywords):
    return gym.make(f"cmta_jax:Meta-World-Fast/{task}", **keywords)


@pytest.fixture(scope="module")
def env():
    return make(seed=3).unwrapped


@pytest.mark.parametrize("version", ["v2", pytest.param("v1", marks=pytest.mark.nightly)])
def test_episodes_equal_those_of_metaworlds_mt1(version):
    keywords = {"seed": 3, "reward_function_version": version}
    stock, fast = (
        gym.make("metaworld:Meta-World/MT1", env_name="drawer-close-v3", **keywords),
        make("drawer-close-v3", **keywords),
    )
    generator, steps = np.random.default_rng(0), 500
    for _ in range(2):
        np.testing.assert_array_equal(fast.reset()[0], stock.reset()[0])
        for _ in range(steps):
            action = generator.uniform(-1, 1, 4).astype(np.float32)
            (observation, *own, info), (expected, *theirs, stock_info) = fast.step(action), stock.step(action)
            np.testing.assert_array_equal(observation, expected)
            assert own == theirs
        assert theirs == [theirs[0], False, True]
        assert info["episode"].pop("t") > 0 and stock_info["episode"].pop("t") > 0
        assert info == stock_info


def test_gymnasiums_checker_accepts_it(env):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        check_env(env, skip_render_check=True)
    said = {str(warning.message).split("WARN: ")[-1].removesuffix("\x1b[0m") for warning in seen}
    infinite = "A Box observation space {} value is {}infinity. This is probably too {}."
    assert said <= {infinite.format("minimum", "-", "low"), infinite.format("maximum", "", "high")}


def test_a_seed_in_reset_repeats_the_goals(env):
    first, other, again = env.reset(seed=5)[0], env.reset()[0], env.reset(seed=5)[0]
    np.testing.assert_array_equal(again, first)
    assert (other != first).any()


def test_it_ends_with_success_if_asked_for(env):
    env.toggle_terminate_on_success(True)
    env._simulator.stages, stages = (
        (*env._simulator.stages, lambda: setattr(env._simulator, "success", True)),
        env._simulator.stages,
    )
    env.reset()
    assert env.step(np.zeros(4))[2:4] == (True, False)
    env._simulator.stages = stages
    with pytest.raises(RuntimeError, match="call reset before step"):
        env.step(np.zeros(4))
    env.toggle_terminate_on_success(False)
    env.reset()
    assert env.step(np.zeros(4))[2:4] == (False, False)


def test_unstable_physics_truncate(env, monkeypatch):
    before, _ = env.reset()
    monkeypatch.setattr(env._simulator, "is_unstable", lambda: True)
    observation, *rest = env.step(np.full(4, 0.5))
    np.testing.assert_array_equal(observation, before)
    assert rest[:3] == [0.0, False, True] and rest[3]["success"] == 0.0


def test_no_process_is_started_and_jax_is_not_imported():
    code = (
        "import gymnasium as gym, psutil, sys;"
        "env = gym.make('cmta_jax:Meta-World-Fast/reach-v3', max_episode_steps=2, use_one_hot=True);"
        "env.reset(seed=0); print(env.step([0, 0, 0, 0])[0].shape, psutil.Process().children(), 'jax' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split("\n")[0] == "(40,) [] False"


@pytest.mark.parametrize(
    ("action", "sentence"),
    [([0, 0, 0], r"Actions must have shape \(1, 4\)"), ([0, 0, 0, np.nan], "The action for lane 0 .* is not finite")],
)
def test_an_action_that_cannot_be_is_refused(env, action, sentence):
    env.reset()
    with pytest.raises(ValueError, match=sentence):
        env.step(action)
