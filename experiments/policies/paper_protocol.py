"""The protocol `paper`: the run's horizon, success at any step, every goal set that the run is about."""

import numpy as np

from cmta_jax.environments.interface import EnvironmentPool
from cmta_jax.runs.policy import Policy
from cmta_jax.training.evaluation import Evaluation
from experiments.policies import goal_sets
from experiments.policies.goal_sets import Playing
from experiments.policies.outcome import Outcome

NAME = "paper"


def play(policy: Policy, pool: EnvironmentPool, episodes: int, sample: bool) -> Outcome:
    """Plays every goal set (with fixed goals: each seed's own) `episodes` times per task.

    Args:
        pool: the simulators of all seeds and tasks, any number of copies.
        episodes: per goal set.
        sample: actions are sampled; with mean actions all episodes of a goal set are the same.
    """
    environment, player = policy.settings.environment, policy.player(sample)
    copies = pool.num_lanes // (len(policy.seeds) * policy.spec.num_tasks)
    order = goal_sets.of_run(environment, policy.seeds, copies, pool.num_goal_sets)  # [R, S, N, C]
    playing = Playing(player.act, policy.params, lambda number: player.begin(copies, number))
    result = goal_sets.play(playing, pool, np.concatenate([order] * episodes), policy.spec.horizon)
    assert result is not None  # nothing stops it
    return _outcome(policy, order, result, sample)


def _outcome(policy: Policy, order: np.ndarray, result: Evaluation, sample: bool) -> Outcome:
    shape, rounds = (len(policy.seeds), policy.spec.num_tasks), len(order)
    successes, returns, played = np.zeros(shape, int), np.zeros(shape), 0
    for begin in range(0, len(result.success), rounds):
        once = Evaluation(*(values[begin : begin + rounds] for values in result))
        table = goal_sets.by_goal_set(order, once)
        for (s, n, _), (success, episode_return) in table.items():
            successes[s, n] += success
            returns[s, n] += episode_return
        played += len(table) // (shape[0] * shape[1])
    environment, episodes = policy.settings.environment, len(result.success) // rounds
    meaning = (
        f"episodes of {environment.horizon} steps, success ({environment.success_version} definition) at any step, "
        f"{'sampled' if sample else 'mean'} actions, {played // episodes} goal set(s) per task and seed "
        f"({environment.goals}), {episodes} episode(s) each."
    )
    returns = returns / played
    return Outcome(NAME, meaning, policy.step, policy.seeds, policy.spec.task_names, played, successes, returns)
