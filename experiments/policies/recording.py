"""Episodes of a trained policy with everything that happened in them, the encoder's intermediates included."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from cmta_jax.environments.interface import EnvironmentPool, Step
from cmta_jax.networks.mixture import MixtureIntermediates
from cmta_jax.random_keys import random_key
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
        told.append((np.asarray(action)[:, :, 0], jax.tree.map(np.asarray, intermediates)))
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


def telling(policy: Policy, encoder: str = "actor") -> Callable[..., tuple[Any, Any, Any]]:
    """Acting with intermediates: `(params, carry, observation, first) -> action, carry, intermediates`.

    The intermediates are `(attention [S, N, K], experts [S, N, K, F])`, or `()` for a method without experts. The
    critics' encoder gets the carry that the actor's encoder wrote, as in training.
    """

    def act(params, carry, observation, first):
        networks = policy.method.networks
        action, before, after = policy.method.act(params, carry, observation, first, random_key(0), False)
        base = getattr(params, "base", params)  # TSAC keeps the parameters of the method that it wraps there
        tasks = networks.encode_tasks(base.task_encoder)
        chosen = networks.acting_encoder(base) if encoder == "actor" else base.encoder
        _, intermediates = networks.encode(chosen, tasks, observation, before)
        if not isinstance(intermediates, MixtureIntermediates):
            return action, after, ()
        return action, after, (intermediates.attention[:, 0], intermediates.experts[:, :, 0].swapaxes(0, 1))

    return policy.compile(act)
