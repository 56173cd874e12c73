"""Faults of environments: they are logged and counted, and too many of them end the run."""

import collections
import logging

import numpy as np

_log = logging.getLogger(__name__)


class TooManyFaults(RuntimeError):
    """The environments fail repeatedly; the message names the tasks and gives the last cause."""


class FaultRecord:
    """Counts lost workers and failed episodes.

    Args:
        tasks: the task of each lane [L].
        max_restarts: how many lost workers are replaced; also how many episodes of one lane may fail in a row.

    Attributes:
        restarts: workers restarted so far.
        failed_episodes: episodes ended by a physics instability or an exception so far.
    """

    def __init__(self, tasks: list[str], max_restarts: int):
        self.restarts = self.failed_episodes = 0
        self._tasks, self._max_restarts = tasks, max_restarts
        self._in_a_row = np.zeros(len(tasks), int)

    def worker_lost(self, lanes: list[int], cause: str) -> None:
        """Counts the loss of the worker of `lanes`; raises TooManyFaults if that is more than `max_restarts`."""
        names = _summary([self._tasks[lane] for lane in lanes])
        if self.restarts >= self._max_restarts:
            raise TooManyFaults(
                f"An environment worker {cause}; after {self.restarts} restarts the run stops. Its tasks: {names}."
            )
        self.restarts += 1
        _log.warning("An environment worker %s; restarting it (%d). Its tasks: %s.", cause, self.restarts, names)

    def episode_failed(self, lane: int, goal_set: int, step: int, cause: str) -> None:
        """Counts a failed episode of a lane; raises TooManyFaults after more than `max_restarts` in a row."""
        self.failed_episodes += 1
        self._in_a_row[lane] += 1
        place = f"{self._tasks[lane]}, goal set {goal_set}, step {step}"
        if self._in_a_row[lane] > self._max_restarts:
            times = self._in_a_row[lane]
            raise TooManyFaults(f"The environment failed {times} episodes in a row ({place}). Last cause:\n{cause}")
        _log.warning("An episode failed and begins anew (%s): %s", place, cause.strip())

    def episode_ended(self, lanes: np.ndarray) -> None:
        """Notes that `lanes` [L] bool finished an episode without a fault."""
        self._in_a_row[lanes] = 0


def _summary(names: list[str]) -> str:
    counts = collections.Counter(names)
    return ", ".join(name if count == 1 else f"{name} (x{count})" for name, count in sorted(counts.items()))
