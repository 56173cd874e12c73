"""Which goal set an episode has: a pure function of (seed, task, copy, episode)."""

import zlib
from collections.abc import Sequence

import numpy as np

from cmta_jax.environments.sizes import NUM_GOAL_SETS

_FIXED, _MIXED = 0, 1  # the first word of the two kinds of stream


def _draw(*words: int) -> int:
    """Index of a goal set, drawn from a random stream that these words alone determine."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] % NUM_GOAL_SETS)


def goal_set_index(goals: str, seed: int, task: str, copy: int, episode: int, restart: int = 0) -> int:
    """Index of the goal set of one lane's episode.

    Args:
        goals: `fixed` (depends on seed and task only) or `mixed`.
        seed: the run's seed, not negative.
        task: its name; a hash of it enters the stream, so that a task has the same goals in every benchmark.
        copy: which of the lanes of this task.
        episode: number of the training episode.
        restart: how often the lane was reset within this episode, after faults.
    """
    name = zlib.crc32(task.encode())
    if goals == "fixed":
        return _draw(_FIXED, seed, name)
    return _draw(_MIXED, seed, name, copy, episode, restart)


def goal_set_indices(
    goals: str, seeds: Sequence[int], tasks: Sequence[str], copies: int, episode: int, restarts: np.ndarray
) -> np.ndarray:
    """Indices of the goal sets of all lanes [L] int, in the order of seeds, tasks, copies; `restarts` is [L] int."""
    lanes = ((seed, task, copy) for seed in seeds for task in tasks for copy in range(copies))
    return np.array([goal_set_index(goals, *lane, episode, int(r)) for lane, r in zip(lanes, restarts, strict=True)])
