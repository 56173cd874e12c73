"""Meta-World's environment at the speed of its physics, bit for bit what `StockSimulator` gives."""

import functools
import math

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from cmta_jax.environments import goal_sets
from cmta_jax.environments.simulator.derive import derive
from cmta_jax.environments.simulator.reset_state import ResetState
from cmta_jax.environments.simulator.stock import StockSimulator, judge_v2
from cmta_jax.environments.simulator.views import CachedData

_derived = functools.cache(derive)


class FastSimulator(StockSimulator):
    """One lane, with the interface of `StockSimulator`.

    Its step leaves out what nobody reads (site placement, force sums over the tree, the observation space built
    anew); its reset is simulated once per goal set and restored afterwards.
    """

    def __init__(self, task: str, reward_version: str = "v2", success_version: str = "v2"):
        super().__init__(task, reward_version, success_version)
        environment = self.environment
        self._model, self._data = environment.model, environment.data
        self._cached = CachedData(self._data)
        self._reset_states: dict[int, ResetState] = {}
        self._mocap, self._control = self._data.mocap_pos[0], self._data.ctrl
        self._scale = np.float32(environment.action_scale)
        self._mocap_low, self._mocap_high = environment.mocap_low, environment.mocap_high
        self._hand = self._data.body("hand").xpos
        self._fingers = self._data.body("rightclaw").xpos, self._data.body("leftclaw").xpos

    def _build(self, reward_version: str):
        return _derived(ALL_V3_ENVIRONMENTS[self.task])(reward_function_version=reward_version)

    def draw_goal_sets(self, stream: np.random.RandomState) -> np.ndarray:
        self.environment.data = self._data
        return super().draw_goal_sets(stream)

    def reset(self, goal_set: int) -> np.ndarray:
        environment = self.environment
        environment.data = self._data
        if goal_set not in self._reset_states:
            self._reset_states[goal_set] = self._simulate_reset(goal_set)
        state = self._reset_states[goal_set]
        state.restore(environment)
        environment.data = self._cached
        space = environment.sawyer_observation_space
        self._low, self._high = space.low, space.high
        self._previous = state.observation[:18]
        return state.observation.copy()

    def _simulate_reset(self, goal_set: int) -> ResetState:
        """A stock reset, except that the first of its two runs, whose physics is thrown away, simulates nothing."""
        environment = self.environment
        vector = self.vectors[goal_set, : self.goal_dim]
        environment.set_task(goal_sets.as_task(self.task, vector))
        environment.do_simulation = lambda ctrl, n_frames: None
        environment.reset_model()
        del environment.do_simulation
        mujoco.mj_resetData(self._model, self._data)
        observation = environment.reset_model()
        environment._prev_obs = observation[:18].copy()
        observation[18:36] = environment._prev_obs
        return ResetState(environment, observation.astype(np.float64))

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        environment, model, data, mocap = self.environment, self._model, self._data, self._mocap
        np.add(mocap, np.minimum(np.maximum(action[:3], -1), 1) * self._scale, out=mocap)
        np.minimum(np.maximum(mocap, self._mocap_low, out=mocap), self._mocap_high, out=mocap)
        control = self._control
        control[0], control[1] = action[3], -action[3]
        mujoco.mj_step(model, data, environment.frame_skip)
        mujoco.mj_forward(model, data)
        observation = self._observe()
        reward, self.info = environment.evaluate_state(observation, action)
        success = bool(self.info["success"])
        if self._judge_separately:
            success = judge_v2(environment, observation, action)
        return observation, reward, success

    def _observe(self) -> np.ndarray:
        """As `SawyerXYZEnv._get_obs`, then clipped: hand, opening, objects; the same a step ago; goal."""
        environment = self.environment
        observation = np.zeros(39)
        observation[:3] = self._hand
        right, left = self._fingers
        gap = right - left
        observation[3] = min(max(math.sqrt(gap.dot(gap)) / 0.1, 0.0), 1.0)
        positions, quaternions = environment._get_pos_objects(), environment._get_quat_objects()
        observation[4:7], observation[7:11] = positions[:3], quaternions[:4]
        if len(positions) == 6:
            observation[11:14], observation[14:18] = positions[3:], quaternions[4:]
        observation[18:36] = self._previous
        observation[36:] = environment._get_pos_goal()
        self._previous = observation[:18].copy()
        np.maximum(observation, self._low, out=observation)
        return np.minimum(observation, self._high, out=observation)
