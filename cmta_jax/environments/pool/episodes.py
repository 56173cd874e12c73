"""The common episode clock, and everything that is needed to replay the current episode."""

import numpy as np

from cmta_jax.environments.config import EnvironmentConfig
from cmta_jax.environments.goals import schedule

SAVED = ("number", "step", "goal_sets", "evaluation", "restarts", "began", "actions")


class Episodes:
    """Where every lane stands. L lanes in the order of seeds, tasks, copies; H steps an episode.

    Attributes:
        number: number of the training episode.
        step: steps taken in it; the same for all lanes.
        goal_sets: [L] int32, index of each lane's goal set.
        evaluation: whether the goal sets were given, not drawn; such episodes repeat themselves.
        restarts: [L] int32, how often a lane was reset within this episode, after faults.
        began: [L] int32, the step of this episode at which a lane was last reset.
        actions: [H, L, 4] float32, of this episode.
    """

    def __init__(self, config: EnvironmentConfig, seeds: tuple[int, ...], copies: int, num_lanes: int, action_dim: int):
        self._config, self._seeds, self._copies = config, seeds, copies
        self.number = self.step = 0
        self.evaluation = False
        self.goal_sets, self.restarts, self.began = np.zeros((3, num_lanes), np.int32)
        self.actions = np.zeros((config.horizon, num_lanes, action_dim), np.float32)

    def begin(self, number: int, goal_sets: np.ndarray | None = None) -> None:
        """Begins episode `number`; on `goal_sets` [L] if given, else on scheduled ones."""
        self.number, self.step, self.evaluation = number, 0, goal_sets is not None
        self.restarts[:] = self.began[:] = 0
        self.goal_sets[:] = self._scheduled(number, self.restarts) if goal_sets is None else goal_sets

    @property
    def at_last_step(self) -> bool:
        return self.step == self._config.horizon - 1

    def next_goal_sets(self) -> np.ndarray:
        """Goal sets of the episode after this one [L]."""
        return self.goal_sets if self.evaluation else self._scheduled(self.number + 1, np.zeros_like(self.restarts))

    def advance(self) -> bool:
        """Counts a step. If it was the episode's last one, begins the next episode and returns True."""
        ended = self.at_last_step
        self.step += 1
        if ended:
            self.begin(self.number + 1, self.goal_sets.copy() if self.evaluation else None)
        return ended

    def restart(self, lanes: np.ndarray) -> None:
        """Notes that `lanes` [L] bool are reset at this step, on another goal set unless goals are fixed or given.

        At step 0 nothing changes, because the episode has just begun.
        """
        if self.step > 0 and lanes.any():
            self.restarts[lanes] += 1
            self.began[lanes] = self.step
            if not self.evaluation:
                self.goal_sets[lanes] = self._scheduled(self.number, self.restarts)[lanes]

    def _scheduled(self, number: int, restarts: np.ndarray) -> np.ndarray:
        config = self._config
        return schedule.goal_set_indices(config.goals, self._seeds, config.tasks, self._copies, number, restarts)

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of the state as plain arrays."""
        return {name: np.array(getattr(self, name)) for name in SAVED}

    def load(self, snapshot: dict[str, np.ndarray]) -> None:
        """The inverse of `snapshot`.

        Raises:
            ValueError: the snapshot has other lanes or another horizon.
        """
        if snapshot["actions"].shape != self.actions.shape:
            raise ValueError(
                f"The snapshot holds actions of shape {snapshot['actions'].shape}, these environments have "
                f"{self.actions.shape}: restore with the same tasks, seeds, copies and horizon."
            )
        self.number, self.step = int(snapshot["number"]), int(snapshot["step"])
        self.evaluation = bool(snapshot["evaluation"])
        for name in ("goal_sets", "restarts", "began", "actions"):
            getattr(self, name)[:] = snapshot[name]
