"""Evaluation: the deterministic policy in the training environments, between two training episodes."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from cmta_jax.environments.interface import EnvironmentPool
from cmta_jax.types import Array, Carry, Params

EVALUATION = 7  # marks the random streams of evaluation


class Player(Protocol):
    """What an evaluation acts with: a `Program`, or anything else with its `act`."""

    @property
    def act(self) -> Callable[[Any, Carry, Any, Any], tuple[Array, Carry]]:
        """(params, carry, observation [S, N, C, D], first [S, N, C] bool) -> action [S, N, C, A], next carry."""
        ...


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


def evaluate(
    player: Player, params: Params, carry: Carry, pool: EnvironmentPool, goal_sets: np.ndarray, horizon: int
) -> Evaluation:
    """Plays one episode per round and lane on the given goal sets.

    Afterwards the pool is at the end of an episode: reset it to the training episode that is next.

    Args:
        player: whose `act` chooses the actions.
        params: of all seeds, leaves `[S, ...]`.
        carry: any recurrent state of the right shape `[S, N, C, ...]`; it is zeroed before use.
        goal_sets: `[R, S, N, C]` int, index of the goal set that each lane plays in each round.
        horizon: steps per episode.
    """
    episodes = [_episode(player, params, carry, pool, lanes, horizon) for lanes in goal_sets]
    success, episode_return = map(np.stack, zip(*episodes, strict=True))
    return Evaluation(success, episode_return)


def _episode(
    player: Player, params: Params, carry: Carry, pool: EnvironmentPool, goal_sets: np.ndarray, horizon: int
) -> tuple[np.ndarray, np.ndarray]:
    """Success and return `[S, N, C]` of one episode per lane."""
    lanes = goal_sets.shape
    observation = pool.reset(goal_sets=goal_sets.reshape(-1))
    first = np.ones(lanes, bool)
    success, episode_return = np.zeros(lanes, bool), np.zeros(lanes, np.float64)
    for _ in range(horizon):
        action, carry = player.act(params, carry, observation.reshape((*lanes, -1)), first)
        pool.send(np.asarray(action).reshape(-1, action.shape[-1]))
        step_result = pool.receive()
        success |= step_result.success.reshape(lanes)
        episode_return += step_result.reward.reshape(lanes)
        observation, first = step_result.observation, np.zeros(lanes, bool)
    return success, episode_return


def random_goal_sets(
    seeds: Sequence[int], num_tasks: int, copies: int, rounds: int, step: int, num_goal_sets: int
) -> np.ndarray:
    """Goal sets of the evaluation at `step`, `[R, S, N, C]`: uniform, from random streams used for nothing else."""
    size = (rounds, num_tasks, copies)
    draws = [np.random.default_rng([seed, step, EVALUATION]).integers(num_goal_sets, size=size) for seed in seeds]
    return np.stack(draws, axis=1)


def every_goal_set(num_seeds: int, num_tasks: int, copies: int, num_goal_sets: int) -> np.ndarray:
    """Each goal set once per task, `[R, S, N, C]`; if the copies do not divide them, the last set is repeated."""
    rounds = -(-num_goal_sets // copies)
    order = np.minimum(np.arange(rounds * copies), num_goal_sets - 1).reshape(rounds, 1, 1, copies)
    return np.broadcast_to(order, (rounds, num_seeds, num_tasks, copies)).copy()
