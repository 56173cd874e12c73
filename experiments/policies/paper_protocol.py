"""The protocol `paper`: the run's horizon, success at any step, every goal set that the run is about."""

from typing import Any

import numpy as np

from cmta_jax.environments.goals import schedule
from cmta_jax.training import evaluation
from experiments.policies.acting import player
from experiments.policies.outcome import Outcome
from experiments.policies.trained import Trained

NAME = "paper"


def play(trained: Trained, pool: Any, episodes: int, sample: bool) -> Outcome:
    """Plays every goal set (with fixed goals: each seed's own) `episodes` times per task.

    Args:
        pool: the simulators of all seeds and tasks, any number of copies.
        sample: actions are sampled; with mean actions a goal set's episodes are all the same.
    """
    horizon, playing = trained.spec.horizon, player(trained, sample)
    order = goal_sets(trained, pool)  # [R, S, N, C]
    copies, results = order.shape[-1], {}
    for number, lanes in enumerate(np.concatenate([order] * episodes)):
        result = evaluation.evaluate(playing, trained.params, playing.begin(copies, number), pool, lanes[None], horizon)
        for s, n, c in np.ndindex(lanes.shape):
            key = s, n, number // len(order), int(lanes[s, n, c])  # a set that fills up a round counts once
            results[key] = result.success[0, s, n, c], result.episode_return[0, s, n, c]
    return _outcome(trained, results, episodes, sample)


def goal_sets(trained: Trained, pool: Any) -> np.ndarray:
    """The goal sets of each round, `[R, S, N, C]`."""
    seeds, tasks = trained.seeds, trained.spec.task_names
    copies = pool.num_lanes // (len(seeds) * len(tasks))
    if trained.settings.environment.goals == "mixed":
        return evaluation.every_goal_set(len(seeds), len(tasks), copies, pool.num_goal_sets)
    drawn = schedule.goal_set_indices("fixed", seeds, tasks, copies, 0, np.zeros(pool.num_lanes, int))
    return drawn.reshape(1, len(seeds), len(tasks), copies)


def _outcome(trained, results, episodes, sample):
    shape = len(trained.seeds), len(trained.spec.task_names)
    successes, returns = np.zeros(shape, int), np.zeros(shape)
    for (s, n, *_), (success, episode_return) in results.items():
        successes[s, n] += success
        returns[s, n] += episode_return
    played = len(results) // (shape[0] * shape[1])
    environment = trained.settings.environment
    meaning = (
        f"episodes of {environment.horizon} steps, success ({environment.success_version} definition) at any step, "
        f"{'sampled' if sample else 'mean'} actions, {played // episodes} goal set(s) per task and seed "
        f"({environment.goals}), {episodes} episode(s) each."
    )
    returns = returns / played
    return Outcome(NAME, meaning, trained.step, trained.seeds, trained.spec.task_names, played, successes, returns)
