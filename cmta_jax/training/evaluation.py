"""Evaluation: the deterministic policy, in the training environments, at an episode boundary."""

from typing import Any, NamedTuple

import numpy as np

from cmta_jax.training.loop import Program

EVALUATION = 7  # marks the random streams of evaluation


class Evaluation(NamedTuple):
    """Results of `R` rounds (one episode per lane each)."""

    success: np.ndarray  # [R, S, N, C] bool, any step of the episode succeeded (paper, section 5.1)
    episode_return: np.ndarray  # [R, S, N, C] sum of raw rewards

    def mean_success(self) -> np.ndarray:
        """Success rate per seed and task, `[S, N]`."""
        return self.success.mean(axis=(0, 3))

    def mean_return(self) -> np.ndarray:
        """Mean episode return per seed and task, `[S, N]`."""
        return self.episode_return.mean(axis=(0, 3))


def evaluate(program: Program, params: Any, carry: Any, pool: Any, goal_sets: np.ndarray, horizon: int) -> Evaluation:
    """Plays one episode per round and lane on the goal sets given.

    The pool is left at the end of an episode: reset it to the training episode that is next.

    Args:
        params: of all seeds, leaves `[S, ...]`.
        carry: any memory of the right shape `[S, N, C, ...]`; it is zeroed before use.
        goal_sets: `[R, S, N, C]` int, which goal set each lane plays in each round.
        horizon: steps per episode.
    """
    episodes = [_episode(program, params, carry, pool, lanes, horizon) for lanes in goal_sets]
    success, episode_return = map(np.stack, zip(*episodes, strict=True))
    return Evaluation(success, episode_return)


def _episode(program, params, carry, pool, goal_sets, horizon):
    lanes = goal_sets.shape
    observation = pool.reset(goal_sets=goal_sets.reshape(-1))
    first = np.ones(lanes, bool)
    success, episode_return = np.zeros(lanes, bool), np.zeros(lanes, np.float64)
    for _ in range(horizon):
        action, carry = program.act(params, carry, observation.reshape(lanes + (-1,)), first)
        pool.send(np.asarray(action).reshape(-1, action.shape[-1]))
        outcome = pool.receive()
        success |= outcome.success.reshape(lanes)
        episode_return += outcome.reward.reshape(lanes)
        observation, first = outcome.observation, np.zeros(lanes, bool)
    return success, episode_return


def random_goal_sets(seeds, num_tasks: int, copies: int, rounds: int, step: int, num_goal_sets: int) -> np.ndarray:
    """Goal sets of the evaluation at `step`, `[R, S, N, C]`: uniform, from streams of their own."""
    size = (rounds, num_tasks, copies)
    draws = [np.random.default_rng([seed, step, EVALUATION]).integers(num_goal_sets, size=size) for seed in seeds]
    return np.stack(draws, axis=1)


def every_goal_set(num_seeds: int, num_tasks: int, copies: int, num_goal_sets: int) -> np.ndarray:
    """Each goal set once per task, `[R, S, N, C]`; if the copies do not divide them, the last set is played again."""
    rounds = -(-num_goal_sets // copies)
    order = np.minimum(np.arange(rounds * copies), num_goal_sets - 1).reshape(rounds, 1, 1, copies)
    return np.broadcast_to(order, (rounds, num_seeds, num_tasks, copies)).copy()
