"""Evaluation on goal sets that are given: which ones a run is about, playing them, and what came of each."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cmta_jax.environments import EnvironmentConfig
from cmta_jax.environments.goals import schedule
from cmta_jax.environments.interface import EnvironmentPool
from cmta_jax.training import evaluation
from cmta_jax.training.evaluation import Evaluation
from cmta_jax.types import Params


class Playing(NamedTuple):
    """Policies that play episodes."""

    act: Callable[..., Any]  # (params, carry, observation [S, N, C, D], first [S, N, C]) -> action, carry
    params: Params  # leaves [S, ...]
    begin: Callable[[int], Any]  # (number of the round) -> carry


def of_run(environment: EnvironmentConfig, seeds: Sequence[int], copies: int, num_goal_sets: int) -> np.ndarray:
    """All goal sets that a run is about, by rounds, `[R, S, N, C]`.

    With mixed goals these are all goal sets of each task; with fixed goals the one of each seed and task, so that all
    copies play the same.
    """
    if environment.goals == "mixed":
        return evaluation.every_goal_set(len(seeds), len(environment.tasks), copies, num_goal_sets)
    restarts = np.zeros(len(seeds) * len(environment.tasks) * copies, int)
    drawn = schedule.goal_set_indices("fixed", seeds, environment.tasks, copies, 0, restarts)
    return drawn.reshape(1, len(seeds), len(environment.tasks), copies)


def play(
    playing: Playing,
    pool: EnvironmentPool,
    goal_sets: np.ndarray,
    horizon: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Evaluation | None:
    """Plays one episode per round and lane.

    Args:
        goal_sets: `[R, S, N, C]`, which goal set each lane plays in each round.
        horizon: steps per episode.
        stopped: asked before every round; once it says yes, None is returned.
    """
    rounds = []
    for number, lanes in enumerate(goal_sets):
        if stopped():
            return None
        carry = playing.begin(number)
        rounds.append(evaluation.evaluate(playing, playing.params, carry, pool, lanes[None], horizon))
    return Evaluation(*map(np.concatenate, zip(*rounds, strict=True)))


def by_goal_set(goal_sets: np.ndarray, result: Evaluation) -> dict[tuple[int, int, int], tuple[bool, float]]:
    """Success and return by (seed's index, task's index, goal set).

    A goal set that is played several times, because the copies do not divide the number of sets, counts once.
    """
    return {
        (s, n, int(goal_sets[r, s, n, c])): (bool(result.success[r, s, n, c]), float(result.episode_return[r, s, n, c]))
        for r, s, n, c in np.ndindex(goal_sets.shape)
    }
