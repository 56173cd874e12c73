"""Fast and stock simulators of one task stepped side by side, and compared with `==`."""

import copy
import functools

import mujoco
import numpy as np
from metaworld.policies import ENV_POLICY_MAP

from cmta_jax.environments.simulator.fast import FastSimulator
from cmta_jax.environments.simulator.stock import StockSimulator


def pair(task, reward_version="v2", success_version="v2", seed=0):
    """A stock and a fast simulator on the same goal sets."""
    stock = StockSimulator(task, reward_version, success_version)
    fast = FastSimulator(task, reward_version, success_version)
    stock.vectors = fast.vectors = fast.draw_goal_vectors(np.random.RandomState(seed))
    return stock, fast


def compile_models_once(patch):
    """Meta-World's environments copy a model that was compiled before, until `patch` is undone."""
    official = functools.cache(mujoco.MjModel.from_xml_path)
    patch.setattr(mujoco.MjModel, "from_xml_path", lambda path: copy.copy(official(path)))


def random_actions(task, seed=0):
    """Uniform actions, some of them beyond the limits."""
    generator = np.random.default_rng(seed)
    return lambda observation: generator.uniform(-1.2, 1.2, 4).astype(np.float32)


def expert_actions(task, seed=0):
    """Meta-World's scripted policy with a little noise."""
    generator, policy = np.random.default_rng(seed), ENV_POLICY_MAP[task]()
    return lambda observation: (policy.get_action(observation) + 0.1 * generator.normal(size=4)).astype(np.float32)


def assert_same_episode(stock, fast, goal_set, policy, steps):
    """Resets both and steps both: observations, rewards, success and every info value are equal."""
    observation = stock.reset(goal_set)
    np.testing.assert_array_equal(fast.reset(goal_set), observation)
    for step in range(steps):
        action, place = policy(observation), f"{stock.task}, goal set {goal_set}, step {step}"
        observation, reward, success = stock.step(action)
        fast_observation, fast_reward, fast_success = fast.step(action)
        np.testing.assert_array_equal(fast_observation, observation, err_msg=f"observation: {place}")
        assert (fast_reward, fast_success) == (reward, success), f"reward or success: {place}"
        differing = [name for name in stock.info if stock.info[name] != fast.info[name]]
        assert stock.info.keys() == fast.info.keys() and not differing, f"info {differing}: {place}"
