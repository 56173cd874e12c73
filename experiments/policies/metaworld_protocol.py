"""The protocol `metaworld`: the official `metaworld.evaluation.evaluation` on the official vector environments."""

import functools
from typing import Any

import gymnasium
import jax
import numpy as np
from metaworld import make_mt_envs
from metaworld.evaluation import evaluation

from cmta_jax.environments.benchmarks import BENCHMARKS
from experiments.policies.acting import player
from experiments.policies.outcome import Outcome
from experiments.policies.trained import Trained

NAME = "metaworld"


class OfficialAgent:
    """One seed's policy behind Meta-World's `Agent` protocol: environment i is task i.

    Args:
        trained: the policies.
        seed: position of the seed among them.
        sample: actions are sampled.
    """

    def __init__(self, trained: Trained, seed: int, sample: bool):
        chosen = slice(seed, seed + 1)
        self._params = jax.tree.map(lambda leaf: leaf[chosen], trained.params)
        one = trained._replace(params=self._params, seeds=trained.seeds[chosen])
        self._act, begin = player(one, sample)
        self._carry = begin(1, 0)
        self._first = np.ones((1, trained.spec.num_tasks, 1), bool)

    def eval_action(self, observations: np.ndarray) -> np.ndarray:
        """Actions `[N, 4]` for observations `[N, 39]`; the memory goes one step on."""
        lanes = observations.astype(np.float32)[None, :, None]
        action, self._carry = self._act(self._params, self._carry, lanes, self._first)
        self._first = np.zeros_like(self._first)
        return np.asarray(action)[0, :, 0]

    def reset(self, env_mask: np.ndarray) -> None:
        """Environments `[N]` bool begin an episode with the next observation, and so does their memory."""
        self._first |= env_mask[None, :, None]


def play(trained: Trained, episodes: int, sample: bool) -> Outcome:
    """`episodes` episodes of 500 steps per task, which end with their first success; goals as each seed's `--seed`."""
    shape = len(trained.seeds), trained.spec.num_tasks
    successes, returns = np.zeros(shape, int), np.zeros(shape)
    for s, seed in enumerate(trained.seeds):
        environments = official_environments(trained.spec.task_names, seed)
        try:
            agent = OfficialAgent(trained, s, sample)
            _, _, rates, all_returns = evaluation(agent, environments, num_episodes=episodes)
        finally:
            environments.close()
        for n, task in enumerate(trained.spec.task_names):
            successes[s, n] = round(rates[task] * episodes)
            returns[s, n] = np.mean(all_returns[task])
    meaning = (
        f"metaworld.evaluation.evaluation on the official vector environments: {episodes} episodes per task and seed "
        f"on goals drawn from the 50, at most 500 steps, ending with the first success; "
        f"{'sampled' if sample else 'mean'} actions, rewards v2."
    )
    return Outcome(NAME, meaning, trained.step, trained.seeds, trained.spec.task_names, episodes, successes, returns)


def official_environments(tasks: tuple[str, ...], seed: int) -> Any:
    """Meta-World's own vector environment for these tasks, in this process (50 processes would need 50 interpreters).

    Lists of tasks that are no benchmark get Meta-World's environment of each, in one vector.
    """
    names = {tasks: name for name, tasks in BENCHMARKS.items()}
    if tasks in names:
        return make_mt_envs(names[tasks].upper(), seed=seed, vector_strategy="sync")
    makers = [functools.partial(make_mt_envs, task, seed=seed) for task in tasks]
    return gymnasium.vector.SyncVectorEnv(makers, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)
