"""The protocol `metaworld`: the official `metaworld.evaluation.evaluation` on the official vector environments."""

import functools
from typing import Any

import gymnasium
import numpy as np
from metaworld import make_mt_envs
from metaworld.evaluation import evaluation

from cmta_jax.environments.benchmarks import BENCHMARKS
from cmta_jax.environments.goals.vectors import as_task, draw_goal_vectors
from cmta_jax.runs.policy import Policy
from experiments.policies.outcome import Outcome

NAME = "metaworld"


class OfficialAgent:
    """One seed's policy behind Meta-World's `Agent` protocol: environment i is task i.

    Args:
        policy: of one seed.
        sample: actions are sampled.
    """

    def __init__(self, policy: Policy, sample: bool):
        self._policy, self._sample = policy, sample
        self._carry = policy.begin()
        self._first = np.ones(policy.spec.num_tasks, bool)

    def eval_action(self, observations: np.ndarray) -> np.ndarray:
        """Actions `[N, 4]` for observations `[N, 39]`; the recurrent state goes one step on."""
        action, self._carry = self._policy.act(self._carry, observations, self._first, sample=self._sample)
        self._first = np.zeros_like(self._first)
        return action

    def reset(self, env_mask: np.ndarray) -> None:
        """Environments `[N]` bool begin an episode with the next observation, and so does their recurrent state."""
        self._first |= env_mask


def play(policy: Policy, episodes: int, sample: bool) -> Outcome:
    """`episodes` episodes of 500 steps per task, which end with their first success; goals as each seed's `--seed`."""
    shape = len(policy.seeds), policy.spec.num_tasks
    successes, returns = np.zeros(shape, int), np.zeros(shape)
    for s, seed in enumerate(policy.seeds):
        environments = official_environments(policy.spec.task_names, seed)
        try:
            agent = OfficialAgent(policy.of_seeds(seed), sample)
            _, _, rates, all_returns = evaluation(agent, environments, num_episodes=episodes)
        finally:
            environments.close()
        for n, task in enumerate(policy.spec.task_names):
            successes[s, n] = round(rates[task] * episodes)
            returns[s, n] = np.mean(all_returns[task])
    meaning = (
        f"metaworld.evaluation.evaluation on the official vector environments: {episodes} episodes per task and seed "
        f"on {_goals(policy)}, at most 500 steps, ending with the first success; "
        f"{'sampled' if sample else 'mean'} actions, rewards v2."
    )
    return Outcome(NAME, meaning, policy.step, policy.seeds, policy.spec.task_names, episodes, successes, returns)


def _goals(policy: Policy) -> str:
    """Which goals are played, and how many of them the policy was trained on."""
    if policy.settings.environment.goals == "fixed":
        return "goals drawn from the 50, of which training used one (--protocol=paper plays that one)"
    return "goals drawn from the 50 of training"


def official_environments(tasks: tuple[str, ...], seed: int) -> Any:
    """Meta-World's own vector environment for these tasks, in this process (50 processes would need 50 interpreters).

    A list of tasks that is not a benchmark gets Meta-World's environment of each task, in one vector, with the goals
    that one stream through the list draws, as it does for a benchmark and for training.
    """
    names = {tasks: name for name, tasks in BENCHMARKS.items()}
    if tasks in names:
        return make_mt_envs(names[tasks].upper(), seed=seed, vector_strategy="sync")
    stream = np.random.RandomState(seed)
    makers: list[Any] = [functools.partial(_environment, task, seed, stream) for task in tasks]
    return gymnasium.vector.SyncVectorEnv(makers, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)


def _environment(task: str, seed: int, stream: np.random.RandomState) -> Any:
    """Meta-World's environment of one task, with the next 50 goals of `stream`."""
    environment: Any = make_mt_envs(task, seed=seed)
    vectors = draw_goal_vectors(environment.unwrapped, stream)
    environment.get_wrapper_attr("tasks")[:] = [as_task(task, vector) for vector in vectors]
    return environment
