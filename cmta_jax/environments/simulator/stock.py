"""Meta-World's official environment, called as anybody would call it."""

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from cmta_jax.environments.goals import vectors


class StockSimulator:
    """One lane: the official class of a task, its goal sets, its steps.

    Attributes:
        environment: the Meta-World environment.
        vectors: random vectors of its goal sets [50, at least D]; to be set before the first reset.
        action: [4] float32, what the next step takes.
        stages: the parts of a step, to be called in this order. Who steps many simulators calls the first part of all,
            then the second of all: what they have in common then stays in the processor's caches.
        observation, reward, success, info: what the last step gave; [39] float64, float, bool, the rest.
    """

    def __init__(self, task: str, reward_version: str = "v2", success_version: str = "v2"):
        self.task = task
        self.environment = self._build(reward_version)
        self.goal_dim = self.environment._random_reset_space.low.size
        self.vectors = None
        self.stages = (self._step,)
        self.action, self.observation, self.reward, self.success, self.info = None, np.zeros(39), 0.0, False, {}
        self._judge_separately = reward_version != "v2" and success_version == "v2"

    def _build(self, reward_version: str):
        return ALL_V3_ENVIRONMENTS[self.task](reward_function_version=reward_version)

    def draw_goal_sets(self, stream: np.random.RandomState) -> np.ndarray:
        """Its 50 goal sets [50, D]; see `goal_sets.draw`."""
        return vectors.draw(self.environment, stream)

    def reset(self, goal_set: int) -> np.ndarray:
        """Begins an episode; the observation [39], float64."""
        vector = self.vectors[goal_set, : self.goal_dim]
        self.environment.set_task(vectors.as_task(self.task, vector))
        observation, _ = self.environment.reset()
        return observation

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        """One step with a float32 action [4]: observation [39], reward, success."""
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
        """Whether MuJoCo has seen a bad position, velocity, acceleration or control since the last reset."""
        return bool(self.environment.data.warning.number[4:].any())


def judge_v2(environment, observation: np.ndarray, action: np.ndarray) -> bool:
    """Success by the v2 definition of an environment that computes v1 rewards.

    The two versions keep no state in common (v1 keeps `pickCompleted` and the like, v2 `_target_to_obj_init`), so
    that asking for one leaves the other as it was; a test compares both with environments of their own.
    """
    version = environment.reward_function_version
    environment.reward_function_version = "v2"
    try:
        _, info = environment.evaluate_state(observation, action)
    finally:
        environment.reward_function_version = version
    return bool(info["success"])
