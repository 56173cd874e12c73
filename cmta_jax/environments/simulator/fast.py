"""Meta-World's environment at the speed of its physics, bit for bit what `StockSimulator` gives."""

import functools
import math
import struct

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from cmta_jax.environments.goals import vectors
from cmta_jax.environments.simulator.accelerated_class import derive
from cmta_jax.environments.simulator.cached_data import CachedData
from cmta_jax.environments.simulator.fast_math import dot
from cmta_jax.environments.simulator.physics import Physics
from cmta_jax.environments.simulator.reset_state import ResetState
from cmta_jax.environments.simulator.stock import StockSimulator

_FILL = struct.Struct("39d").pack_into
_FLOATS, _DOUBLES, _TWO_DOUBLES = struct.Struct("3f"), struct.Struct("3d"), struct.Struct("2d")
_NO_SECOND_OBJECT = [0.0] * 7
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
        self._physics = Physics(self._model, self._data, environment.frame_skip)
        self._reset_states: dict[int, ResetState] = {}
        self._mocap, self._control = self._data.mocap_pos[0], self._data.ctrl
        self._scale = float(np.float32(environment.action_scale))
        self._mocap_low, self._mocap_high = environment.mocap_low.tolist(), environment.mocap_high.tolist()
        self._gap = np.empty(3)
        self.stages = (self._move_mocap, self._simulate, self._observe, self._judge)
        self._hand = self._data.body("hand").xpos
        self._fingers = self._data.body("rightclaw").xpos, self._data.body("leftclaw").xpos

    def _build(self, reward_version: str):
        return _derived(ALL_V3_ENVIRONMENTS[self.task])(reward_function_version=reward_version)

    def draw_goal_sets(self, stream: np.random.RandomState) -> np.ndarray:
        self.environment.data = self._data
        self._physics.is_current = False
        return super().draw_goal_sets(stream)

    def reset(self, goal_set: int) -> np.ndarray:
        environment = self.environment
        environment.data = self._data
        self._physics.is_current = False
        if goal_set not in self._reset_states:
            self._reset_states[goal_set] = self._simulate_reset(goal_set)
        state = self._reset_states[goal_set]
        state.restore(environment)
        environment.data = self._cached
        self._read_bounds()
        self._goal = None if _is_view_of_mujoco(environment._get_pos_goal()) else self._read_goal()
        hand = map(_clip, state.observation[:3].tolist(), self._hand_low, self._hand_high)
        self._previous = [*hand, *state.observation[3:18].tolist()]
        return state.observation.copy()

    def _simulate_reset(self, goal_set: int) -> ResetState:
        """A stock reset, except that the first of its two runs, whose physics is thrown away, simulates nothing."""
        environment = self.environment
        vector = self.vectors[goal_set, : self.goal_dim]
        environment.set_task(vectors.as_task(self.task, vector))
        environment.do_simulation = lambda ctrl, n_frames: None
        environment.reset_model()
        del environment.do_simulation
        mujoco.mj_resetData(self._model, self._data)
        observation = environment.reset_model()
        environment._prev_obs = observation[:18].copy()
        observation[18:36] = environment._prev_obs
        return ResetState(environment, observation.astype(np.float64))

    def _move_mocap(self) -> None:
        """As `set_xyz_action`: moves the hand's target and sets the fingers' force.

        The official order is to clip to [-1, 1], then to scale, in float32. Scaling first and clipping to the scaled
        limits is the same, since rounding keeps order; so is rounding the product of two float32 once.
        """
        x, y, z, force = self.action.tolist()
        scale, limit = self._scale, self._scale
        moves = _FLOATS.unpack(_FLOATS.pack(x * scale, y * scale, z * scale))
        old, low, high = self._mocap.tolist(), self._mocap_low, self._mocap_high
        moved = [_clip(old[i] + _clip(moves[i], -limit, limit), low[i], high[i]) for i in (0, 1, 2)]
        _DOUBLES.pack_into(self._mocap, 0, *moved)
        _TWO_DOUBLES.pack_into(self._control, 0, force, -force)

    def _simulate(self) -> None:
        self._physics.step()
        self._cached.tcp_center = None

    def _observe(self) -> None:
        """As `SawyerXYZEnv._get_obs`, then clipped: hand, opening, objects; the same a step ago; goal.

        Lists of floats, because a dozen writes into slices of an array cost more than filling it at once.
        """
        environment = self.environment
        right, left = self._fingers
        gap = self._gap
        (x, y, z), (left_x, left_y, left_z) = right.tolist(), left.tolist()
        _DOUBLES.pack_into(gap, 0, x - left_x, y - left_y, z - left_z)
        opening = math.sqrt(dot(gap, gap)) / 0.1
        hand = map(_clip, self._hand.tolist(), self._hand_low, self._hand_high)
        current = [*hand, opening if opening < 1.0 else 1.0]
        positions, quaternions = environment._get_pos_objects().tolist(), environment._get_quat_objects().tolist()
        if len(positions) == 3:
            current += positions + quaternions + _NO_SECOND_OBJECT
        else:
            current += positions[:3] + quaternions[:4] + positions[3:] + quaternions[4:]
        self.observation = np.empty(39)
        _FILL(self.observation, 0, *current, *self._previous, *(self._goal or self._read_goal()))
        self._previous = current

    def _judge(self) -> None:
        self.reward, self.info = self.environment.evaluate_state(self.observation, self.action)
        self._read_success()

    def _read_goal(self) -> list[float]:
        return list(map(_clip, self.environment._get_pos_goal().tolist(), self._goal_low, self._goal_high))

    def _read_bounds(self) -> None:
        """Observations are clipped to these; only hand and goal have bounds that they could leave."""
        space = self.environment.sawyer_observation_space
        low, high = space.low, space.high
        if not (np.isinf(low[4:18]).all() and np.isinf(high[4:18]).all() and low[3] <= 0 and high[3] >= 1):
            raise NotImplementedError(f"{self.task} bounds its observations anew: use the simulator 'stock'.")
        self._hand_low, self._hand_high = low[:3].tolist(), high[:3].tolist()
        self._goal_low, self._goal_high = low[36:].tolist(), high[36:].tolist()


def _clip(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value


def _is_view_of_mujoco(array: np.ndarray) -> bool:
    """Whether an array's memory is MuJoCo's: then its values follow the physics (basketball's goal)."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base is not None
