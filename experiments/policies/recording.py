"""Episodes of a trained policy with everything that happened in them, the encoder's intermediates included."""

from typing import NamedTuple, cast

import jax
import numpy as np

from cmta_jax.environments.interface import EnvironmentPool, Step
from cmta_jax.runs.intermediates import telling
from cmta_jax.runs.policy import Policy
from experiments.policies import goal_sets
from experiments.policies.goal_sets import Playing


class Recording(NamedTuple):
    """One episode of T steps per seed and task, with mean actions."""

    action: np.ndarray  # [T, S, N, A]
    reward: np.ndarray  # [T, S, N], raw
    success: np.ndarray  # [T, S, N] bool, at this very step
    attention: np.ndarray | None  # [T, S, N, K], of the encoder asked for; None for a method without experts
    experts: np.ndarray | None  # [T, S, N, K, F], the experts' encodings


def record(policy: Policy, pool: EnvironmentPool, chosen: np.ndarray, encoder: str = "actor") -> Recording:
    """Plays one episode per seed and task; the pool has one copy of each task.

    Args:
        chosen: `[S, N]`, the goal set of each seed and task.
        encoder: whose attention is recorded, `actor` or `critics`; they differ with `actor_encoder=frozen_random` only.
    """
    act_and_tell, told = telling(policy, encoder), []

    def act(params, carry, observation, first):
        action, carry, intermediates = act_and_tell(params, carry, observation, first)
        told.append(jax.tree.map(lambda leaf: np.asarray(leaf)[:, :, 0], (action, intermediates)))
        return action, carry

    recorder = _PoolRecorder(pool)
    playing = Playing(act, policy.params, lambda number: policy.begin(1, number).carry)
    goal_sets.play(playing, cast(EnvironmentPool, recorder), chosen[None, :, :, None], policy.spec.horizon)
    actions, intermediates = zip(*told, strict=True)
    reward = np.stack([step.reward.reshape(chosen.shape) for step in recorder.steps])
    success = np.stack([step.success.reshape(chosen.shape) for step in recorder.steps])
    if not intermediates[0]:
        return Recording(np.stack(actions), reward, success, None, None)
    attention, experts = map(np.stack, zip(*intermediates, strict=True))
    return Recording(np.stack(actions), reward, success, attention, experts)


class _PoolRecorder:
    """A pool that keeps what its steps returned."""

    def __init__(self, pool: EnvironmentPool):
        self.reset, self.send = pool.reset, pool.send
        self._pool, self.steps = pool, []

    def receive(self) -> Step:
        self.steps.append(self._pool.receive())
        return self.steps[-1]
