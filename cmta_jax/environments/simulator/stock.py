"""Meta-World's official environment, called in the official way."""

from collections.abc import Callable
from typing import Any

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from cmta_jax.environments.goals.vectors import as_task, draw_goal_vectors
from cmta_jax.environments.sizes import ACTION_DIM, OBSERVATION_DIM


class StockSimulator:
    """One lane: an environment of one task, with its goal vectors.

    Args:
        task: its name, such as `reach-v3`.
        reward_version, success_version: as in `EnvironmentConfig`.

    Attributes:
        environment: the Meta-World environment.
        goal_dim: numbers of one goal vector of this task (D).
        vectors: [50, at least D] float64, the goal vectors; must be set before the first reset.
        action: [4] float32, the action of the next step.
        stages: the parts of a step, to be called in this order. A worker with many simulators calls the first part of
            all, then the second part of all, because the code of a part then stays in the processor's caches.
        observation: [39] float64, after the last step.
        reward: of the last step, not normalised.
        success: whether the task was solved at the last step.
        info: the last step's `info` dictionary.
    """

    def __init__(self, task: str, reward_version: str = "v2", success_version: str = "v2"):
        self.task = task
        self.environment = self._build(reward_version)
        space = self.environment._random_reset_space
        assert space is not None, "every Meta-World environment has one after its construction"
        self.goal_dim = space.low.size
        self.vectors = np.empty((0, self.goal_dim))
        self.stages: tuple[Callable[[], None], ...] = (self._step,)
        self.action = np.zeros(ACTION_DIM, np.float32)
        self.observation = np.zeros(OBSERVATION_DIM)
        self.reward, self.success = 0.0, False
        self.info: dict[str, Any] = {}
        self._judge_separately = reward_version != "v2" and success_version == "v2"

    def _build(self, reward_version: str) -> SawyerXYZEnv:
        return ALL_V3_ENVIRONMENTS[self.task](reward_function_version=reward_version)

    def draw_goal_vectors(self, stream: np.random.RandomState) -> np.ndarray:
        """The task's 50 goal vectors [50, D]; see `goals.vectors.draw_goal_vectors`."""
        return draw_goal_vectors(self.environment, stream)

    def reset(self, goal_set: int) -> np.ndarray:
        """Begins an episode on the goal set with this index; returns the observation [39] float64."""
        vector = self.vectors[goal_set, : self.goal_dim]
        self.environment.set_task(as_task(self.task, vector))
        observation, _ = self.environment.reset()
        return observation

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        """One step with an action [4] float32; returns observation [39] float64, reward and success."""
        self.action = action
        for stage in self.stages:
            stage()
        return self.observation, self.reward, self.success

    def _step(self) -> None:
        self.observation, self.reward, _, _, self.info = self.environment.step(self.action)
        self._read_success()

    def _read_success(self) -> None:
        self.success = bool(self.info["success"])
        if self._judge_separately:
            self.success = judge_v2(self.environment, self.observation, self.action)

    def is_unstable(self) -> bool:
        """Whether MuJoCo has warned of a bad position, velocity, acceleration or control since the last reset."""
        return bool(self.environment.data.warning.number[4:].any())


def judge_v2(environment: Any, observation: np.ndarray, action: np.ndarray) -> bool:
    """Success by the v2 definition of an environment that computes v1 rewards.

    The two versions share no state (v1 has `pickCompleted` and the like, v2 has `_target_to_obj_init`), so computing
    one does not change the other. A test compares both with two separate environments.
    """
    version = environment.reward_function_version
    environment.reward_function_version = "v2"
    try:
        _, info = environment.evaluate_state(observation, action)
    finally:
        environment.reward_function_version = version
    return bool(info["success"])
