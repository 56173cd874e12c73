"""Episodes of a trained policy with all that happened in them, the encoder's story included."""

from typing import Any, NamedTuple

import jax
import numpy as np

from cmta_jax.networks.mixture import MixtureIntermediates
from experiments.policies.acting import for_each_policy
from experiments.policies.trained import Trained


class Recording(NamedTuple):
    """One episode of T steps per seed and task, with mean actions."""

    action: np.ndarray  # [T, S, N, A]
    reward: np.ndarray  # [T, S, N], raw
    success: np.ndarray  # [T, S, N] bool, at this very step
    attention: np.ndarray | None  # [T, S, N, K], of the encoder asked for; None for a method without experts
    experts: np.ndarray | None  # [T, S, N, K, F], the experts' encodings


def record(trained: Trained, pool: Any, goal_sets: np.ndarray, encoder: str = "actor") -> Recording:
    """Plays one episode per seed and task on the goal sets `[S, N]`; the pool has one copy of each task.

    Args:
        encoder: whose attention is recorded, `actor` or `critics`; they differ with `actor_encoder=frozen_random` only.
    """
    lanes = *goal_sets.shape, 1
    watch = watched(trained, encoder)
    carry = jax.tree.map(lambda leaf: np.stack([leaf] * lanes[0]), trained.method.begin(1))
    observation, first = pool.reset(goal_sets=goal_sets.reshape(-1)), np.ones(lanes, bool)
    moments = []
    for _ in range(trained.spec.horizon):
        action, carry, story = watch(trained.params, carry, observation.reshape(*lanes, -1), first)
        pool.send(np.asarray(action).reshape(-1, action.shape[-1]))
        outcome = pool.receive()
        reward, success = outcome.reward.reshape(lanes[:2]), outcome.success.reshape(lanes[:2])
        moments.append((np.asarray(action)[:, :, 0], reward, success, jax.tree.map(np.asarray, story)))
        observation, first = outcome.observation, np.zeros(lanes, bool)
    *columns, stories = zip(*moments, strict=True)
    told = map(np.stack, zip(*stories, strict=True)) if stories[0] else (None, None)
    return Recording(*map(np.stack, columns), *told)


def watched(trained: Trained, encoder: str = "actor"):
    """Acting that tells: `(params, carry, observation, first) -> action, carry, (attention, experts)`, or `()`.

    The critics' encoder gets the memory that the actor's wrote, as it does in training.
    """

    def act(params, carry, observation, first):
        networks = trained.method.networks
        action, before, after = trained.method.act(params, carry, observation, first, jax.random.key(0), False)
        base = getattr(params, "base", params)  # TSAC keeps those of the method that it wraps
        tasks = networks.encode_tasks(base.task_encoder)
        chosen = networks.acting_encoder(base) if encoder == "actor" else base.encoder
        _, story = networks.encode(chosen, tasks, observation, before)
        if not isinstance(story, MixtureIntermediates):
            return action, after, ()
        return action, after, (story.attention[:, 0], story.experts[:, :, 0].swapaxes(0, 1))

    return for_each_policy(act, trained)
