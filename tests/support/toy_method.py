"""A method that compiles in a moment, for runs that are about everything but their method.

It has all that a run must keep: parameters, targets, an optimiser's state, a carry, noise when it acts and when it
learns. Its numbers depend on every leaf of a batch, so that a run that goes on with anything else ends differently.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.methods import mtmhsac
from cmta_jax.types import Method


@dataclasses.dataclass(frozen=True)
class Config:
    """Of the method outside of whole runs, which have MTMH-SAC's."""

    batch_per_task: int = 1
    rate: float = 1e-3  # the most that one update moves a parameter at first
    noise: float = 1.0  # of sampled actions, before the tanh


class Params(NamedTuple):
    actor: Any  # [N, D, A]
    critic: Any  # [N, D]


class State(NamedTuple):
    params: Params
    targets: Any  # [N, D], follow the critic
    moments: Params
    count: Any  # updates


def make(config, spec):
    """The method, for settings of its own or MTMH-SAC's."""
    rate, loudness = (getattr(config, name, getattr(Config, name)) for name in ("rate", "noise"))
    sizes = spec.num_tasks, spec.observation_dim, spec.action_dim

    def init(key):
        params = Params(0.3 * jax.random.normal(key, sizes), jax.random.normal(key, sizes[:2]))
        return State(params, 2 * params.critic, jax.tree.map(jnp.zeros_like, params), jnp.int32(0))

    def begin(copies):
        return jnp.zeros((spec.num_tasks, copies, spec.action_dim))

    def act(params, carry, observation, first, key, explore):
        carry = jnp.where(first[..., None], 0.0, carry)
        seen = jnp.einsum("nbd,nda->nba", observation, params.actor)
        noise = jnp.where(explore, loudness * jax.random.normal(key, seen.shape), 0.0)
        return jnp.tanh(seen + carry + noise), carry, 0.5 * carry + jnp.tanh(seen)

    def update(state, batch, key):
        before, after = batch.observation - batch.next_observation, batch.next_carry - batch.carry
        value = batch.reward + batch.discount * jnp.einsum("nbd,nd->nb", batch.next_observation, state.targets)
        moves = Params(
            jnp.einsum("nbd,nba->nda", before, batch.action + after) + jax.random.normal(key, sizes),
            jnp.einsum("nbd,nb->nd", batch.observation, value + batch.success.astype(value.dtype)),
        )
        moments = jax.tree.map(lambda old, move: 0.9 * old + jnp.tanh(move), state.moments, moves)
        params = jax.tree.map(lambda old, moment: old + rate * moment, state.params, moments)
        targets = 0.9 * state.targets + 0.1 * params.critic
        metrics = {"critic_loss": jnp.square(value).mean(), "q_mean": value.mean(axis=1)}
        return State(params, targets, moments, state.count + 1), metrics

    return Method(init, begin, act, update, networks=None)


def replace_mtmhsac(replace=setattr):
    """Runs of MTMH-SAC compile this method in its place; given the `setattr` of a `MonkeyPatch`, until it is undone."""
    replace(mtmhsac, "make", make)
