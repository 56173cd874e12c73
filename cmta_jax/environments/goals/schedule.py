"""Which goal set an episode has: a pure function of (seed, task, copy, episode), whoever asks and in whatever order."""

import zlib
from collections.abc import Sequence

import numpy as np

NUM_GOAL_SETS = 50  # per task, as in metaworld.MT10 and MT50
_FIXED, _MIXED = 0, 1  # the two kinds of stream must differ


def _draw(*words: int) -> int:
    """One of the goal sets, from a stream of its own for these words."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] % NUM_GOAL_SETS)


def goal_set(goals: str, seed: int, task: str, copy: int, episode: int, restart: int = 0) -> int:
    """Index of the goal set of one lane's episode.

    Args:
        goals: `fixed` (depends on seed and task only) or `mixed`.
        seed: the run's seed, not negative.
        task: its name; a hash of it enters the stream, so that a task keeps its goals in any benchmark.
        copy: which of the lanes of this task.
        episode: number of the training episode.
        restart: how often the lane has begun anew within this episode, after faults.
    """
    name = zlib.crc32(task.encode())
    if goals == "fixed":
        return _draw(_FIXED, seed, name)
    return _draw(_MIXED, seed, name, copy, episode, restart)


def goal_sets(
    goals: str, seeds: Sequence[int], tasks: Sequence[str], copies: int, episode: int, restarts: np.ndarray
) -> np.ndarray:
    """Goal sets of all lanes [L], in the order of seeds, tasks, copies; `restarts` is [L]."""
    lanes = ((seed, task, copy) for seed in seeds for task in tasks for copy in range(copies))
    return np.array([goal_set(goals, *lane, episode, int(r)) for lane, r in zip(lanes, restarts, strict=True)])
