"""The simulators of one worker's lanes, stepped and reset in shared memory."""

import contextlib
import operator
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

import mujoco
import numpy as np

from cmta_jax.environments import simulator
from cmta_jax.environments.pool import channel
from cmta_jax.environments.simulator.models import compile_once
from cmta_jax.environments.simulator.pictures import Pictures
from cmta_jax.environments.simulator.stock import StockSimulator
from cmta_jax.environments.sizes import INFO_KEYS

_INFO_NUMBERS = operator.itemgetter(*INFO_KEYS)
REWARD_KINDS = {np.float32: 1, np.float64: 2}  # 0: a Python number


class Lanes:
    """Steps the lanes of one worker; reads actions from shared memory and writes results to it.

    Args:
        spec: from `workers.Team`: `lanes` (indices), `tasks` (of these lanes), `rows` (position of each lane's seed and
            task in `goal_vectors`), `simulator` (keyword arguments of `simulator.make`, and of `Pictures` as
            `pictures`).
        shared: the shared arrays by name; see `shared_memory.layout`.
    """

    def __init__(self, spec: dict, shared: dict[str, np.ndarray]):
        self.shared = shared
        self.lanes: list[int] = spec["lanes"]
        self.rows = dict(zip(self.lanes, map(tuple, spec["rows"]), strict=True))
        self.simulators: dict[int, StockSimulator] = {}
        settings = dict(spec["simulator"])
        self.picture_settings: dict[str, Any] = settings.pop("pictures", {})
        self.warnings: list[str] = []
        with _collecting(self.warnings), compile_once():
            for lane, task in zip(self.lanes, spec["tasks"], strict=True):
                self.simulators[lane] = simulator.make(task, **settings)
                self.simulators[lane].vectors = shared["goal_vectors"][self.rows[lane]]
        self.stages = list(zip(*(lane_simulator.stages for lane_simulator in self.simulators.values()), strict=True))
        self.pictures: dict[int, Pictures] = {}

    def step(self) -> dict[int, str]:
        """One step of every lane; returns the cause of failure by lane, for lanes that failed.

        The first stage runs for all lanes, then the second stage for all lanes, and so on, because the code of one
        stage then stays in the processor's caches.
        """
        failed = {}
        for lane_simulator, action in zip(self.simulators.values(), self.shared["action"][self.lanes], strict=True):
            lane_simulator.action = action
        for stage in self.stages:
            for lane, run in zip(self.lanes, stage, strict=True):
                try:
                    run()
                except Exception:
                    failed.setdefault(lane, traceback.format_exc())
                if self.warnings:
                    failed |= self._warned(lane)
        return self._share() | failed

    def _share(self) -> dict[int, str]:
        """Writes the results of the step to shared memory; reports lanes where a number is NaN or infinite."""
        shared, has_info = self.shared, "info" in self.shared
        observations, rewards, successes = (shared[name] for name in ("next_observation", "reward", "success"))
        for lane, own in self.simulators.items():
            observations[lane], rewards[lane], successes[lane] = own.observation, own.reward, own.success
            if has_info:
                shared["info"][lane] = _INFO_NUMBERS(own.info)
                shared["reward_kind"][lane] = REWARD_KINDS.get(type(own.reward), 0)
        finite = np.isfinite(observations[self.lanes]).all(axis=1) & np.isfinite(rewards[self.lanes])
        if finite.all():
            return {}
        return {self.lanes[i]: "observation or reward is not finite" for i in np.flatnonzero(~finite)}

    def _warned(self, lane: int) -> dict[int, str]:
        """Reports `lane` if MuJoCo warned that its state is unstable; clears the warnings."""
        message = "; ".join(self.warnings)
        self.warnings.clear()
        return {lane: f"MuJoCo: {message}"} if self.simulators[lane].is_unstable() else {}

    def reset(self, lanes: Iterable[int]) -> dict[int, str]:
        """Begins an episode in each of `lanes` on its goal set; returns the cause of failure by lane."""
        failed = {}
        for lane in lanes:
            try:
                goal_set = int(self.shared["goal_set"][lane])
                self.shared["reset_observation"][lane] = self.simulators[lane].reset(goal_set)
            except Exception:
                failed[lane] = traceback.format_exc()
        self.warnings.clear()
        return failed

    def take_pictures(self) -> dict[int, str]:
        """Draws every lane; returns the cause of failure by lane."""
        failed = {}
        for lane, own in self.simulators.items():
            try:
                if lane not in self.pictures:
                    self.pictures[lane] = Pictures(own.environment, **self.picture_settings)
                self.shared["picture"][lane] = self.pictures[lane].draw()
            except Exception:
                failed[lane] = traceback.format_exc()
        return failed

    def draw(self) -> None:
        """Draws the goal vectors of the chosen lane's task from the shared stream, which is advanced."""
        lane = int(self.shared["chosen_lane"][0])
        stream = np.random.RandomState()
        stream.set_state(("MT19937", self.shared["generator_key"], int(self.shared["generator_position"][0]), 0, 0.0))
        vectors = self.simulators[lane].draw_goal_vectors(stream)
        self.shared["goal_vectors"][self.rows[lane]][:, : vectors.shape[1]] = vectors
        _, self.shared["generator_key"][:], self.shared["generator_position"][0], *_ = stream.get_state()

    def obey(self, command: bytes) -> dict[int, str]:
        """Carries out one command of `channel`; returns the cause of failure by lane."""
        failed = {}
        with _collecting(self.warnings):
            if command in (channel.STEP, channel.STEP_AND_RESET):
                failed = self.step()
            if command == channel.STEP_AND_RESET:
                due = self.shared["reset_mask"] | (self.shared["reset_on_success"] & self.shared["success"])
                failed |= self.reset(lane for lane in self.lanes if due[lane])
            if command == channel.RESET:
                failed = self.reset(lane for lane in self.lanes if self.shared["reset_mask"][lane])
            if command == channel.PICTURE:
                failed = self.take_pictures()
            if command == channel.DRAW:
                self.draw()
        return failed


@contextlib.contextmanager
def _collecting(warnings: list[str]) -> Iterator[None]:
    """While entered, MuJoCo adds its warnings to a list, not to a log file in the user's folder."""
    others = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(warnings.append)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(others)
