"""Meta-World's environment at the speed of its physics, with the numbers of `StockSimulator` to the last bit."""

import contextlib
import functools
import math
import struct
from collections.abc import Iterator

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from cmta_jax.environments.goals.vectors import as_task
from cmta_jax.environments.simulator.accelerated_class import derive
from cmta_jax.environments.simulator.cached_data import CachedData
from cmta_jax.environments.simulator.fast_math import dot
from cmta_jax.environments.simulator.physics import Physics
from cmta_jax.environments.simulator.reset_state import ResetState
from cmta_jax.environments.simulator.stock import StockSimulator
from cmta_jax.environments.sizes import OBSERVATION_DIM

_FILL = struct.Struct(f"{OBSERVATION_DIM}d").pack_into
_FLOATS, _DOUBLES, _TWO_DOUBLES = struct.Struct("3f"), struct.Struct("3d"), struct.Struct("2d")
_NO_SECOND_OBJECT = [0.0] * 7
_derived = functools.cache(derive)


class FastSimulator(StockSimulator):
    """One lane, with the interface of `StockSimulator`.

    Its step leaves out what nobody reads: placing sites, summing forces over the tree, building the observation space
    again. Its reset is simulated once per goal set and restored afterwards.
    """

    def __init__(self, task: str, reward_version: str = "v2", success_version: str = "v2"):
        super().__init__(task, reward_version, success_version)
        environment = self.environment
        self._model, self._data = environment.model, environment.data
        self._cached = CachedData(self._data)
        self._physics = Physics(self._model, self._data, environment.frame_skip)
        self._reset_states: dict[bytes, ResetState] = {}  # by goal vector
        self._mocap, self._control = self._data.mocap_pos[0], self._data.ctrl
        self._scale = float(np.float32(environment.action_scale))
        self._mocap_low, self._mocap_high = environment.mocap_low.tolist(), environment.mocap_high.tolist()
        self._gap = np.empty(3)
        self._goal: list[float] = []
        self._goal_moves = False  # whether the goal follows the physics (basketball's does)
        self._previous: list[float] = []  # the first 18 numbers of the last observation
        self.stages = (self._move_mocap, self._simulate, self._observe, self._judge)
        self._hand = self._data.body("hand").xpos
        self._fingers = self._data.body("rightclaw").xpos, self._data.body("leftclaw").xpos

    def _build(self, reward_version: str) -> SawyerXYZEnv:
        return _derived(ALL_V3_ENVIRONMENTS[self.task])(reward_function_version=reward_version)

    @contextlib.contextmanager
    def _official_data(self) -> Iterator[None]:
        """While entered, the environment has MuJoCo's own data: Meta-World may then replace or reset its state."""
        self.environment.data = self._data
        self._physics.is_current = False
        try:
            yield
        finally:
            self.environment.data = self._cached  # pyright: ignore[reportAttributeAccessIssue]: read in the same way

    def draw_goal_vectors(self, stream: np.random.RandomState) -> np.ndarray:
        with self._official_data():
            return super().draw_goal_vectors(stream)

    def reset(self, goal_set: int) -> np.ndarray:
        vector = self.vectors[goal_set, : self.goal_dim]
        key = vector.tobytes()
        with self._official_data():
            if key not in self._reset_states:
                self._reset_states[key] = self._simulate_reset(vector)
            state = self._reset_states[key]
            state.restore(self.environment)
        self._read_bounds()
        self._goal, self._goal_moves = self._read_goal(), _is_view_of_mujoco(self.environment._get_pos_goal())
        hand = map(_clip, state.observation[:3].tolist(), self._hand_low, self._hand_high)
        self._previous = [*hand, *state.observation[3:18].tolist()]
        return state.observation.copy()

    def _simulate_reset(self, vector: np.ndarray) -> ResetState:
        """A stock reset. Meta-World runs it twice and discards the first run's physics, so that is left out here."""
        environment = self.environment
        environment.set_task(as_task(self.task, vector))
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

        Meta-World clips to [-1, 1], then scales, in float32. Here the action is scaled first and clipped to the scaled
        limits, with the same result, because rounding keeps the order of numbers. The product of two float32 numbers
        is exact in float64, so rounding it once to float32 gives the float32 product.
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
        """As `SawyerXYZEnv._get_obs`, then clipped: hand, opening and objects; the same one step earlier; goal.

        It works on lists of floats, because writing to a dozen slices of an array costs more than filling it at once.
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
        self.observation = np.empty(OBSERVATION_DIM)
        goal = self._read_goal() if self._goal_moves else self._goal
        _FILL(self.observation, 0, *current, *self._previous, *goal)
        self._previous = current

    def _judge(self) -> None:
        self.reward, self.info = self.environment.evaluate_state(self.observation, self.action)
        self._read_success()

    def _read_goal(self) -> list[float]:
        return list(map(_clip, self.environment._get_pos_goal().tolist(), self._goal_low, self._goal_high))

    def _read_bounds(self) -> None:
        """Reads the bounds to which observations are clipped. Only hand and goal can leave theirs."""
        space = self.environment.sawyer_observation_space
        low, high = space.low, space.high
        if not (np.isinf(low[4:18]).all() and np.isinf(high[4:18]).all() and low[3] <= 0 and high[3] >= 1):
            raise NotImplementedError(
                f"{self.task} bounds more of its observation than hand and goal: use the simulator 'stock'."
            )
        self._hand_low, self._hand_high = low[:3].tolist(), high[:3].tolist()
        self._goal_low, self._goal_high = low[36:].tolist(), high[36:].tolist()


def _clip(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value


def _is_view_of_mujoco(array: np.ndarray) -> bool:
    """Whether an array's memory belongs to MuJoCo: then its values follow the physics (basketball's goal)."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base is not None
