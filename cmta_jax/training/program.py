"""The device programs of a run: the functions of `OneSeed`, compiled for all seeds."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.config import TrainingConfig
from cmta_jax.random_keys import random_key
from cmta_jax.training.divergence import Divergence, Told
from cmta_jax.training.one_seed import Learner, OneSeed, Rollout, TrainState
from cmta_jax.training.replay import Replay
from cmta_jax.training.seed_axis import Devices, for_each_seed, spread
from cmta_jax.types import Array, Carry, Method, Metrics, Spec


class Program(NamedTuple):
    """The methods of `OneSeed`, compiled for all seeds: every argument leads with `[S, ...]`, except for `step`."""

    start: Callable[[Array, Array], TrainState]
    no_divergence: Callable[[Learner, Replay, Array], Divergence]
    tell: Callable[[Divergence, Learner, Replay], Told]
    learn: Callable[[Learner, Divergence, Replay, Rollout, Array, Any], tuple[Learner, Metrics, Divergence]]
    observe: Callable[[Any, Replay, Rollout, Any, Array, Any], tuple[Replay, Rollout]]
    reset: Callable[[Learner, Divergence, Replay, Rollout, Array, Any], tuple[Learner, Divergence]]
    finish_episode: Callable[[Learner, Array], Learner]
    act: Callable[[Any, Carry, Any, Any], tuple[Array, Carry]]


def compile_program(
    method: Method,
    spec: Spec,
    config: TrainingConfig,
    batch_per_task: int,
    devices: Devices | None = None,
    *,
    discount: float = 0.99,
) -> Program:
    """The jitted functions of a run; each is compiled at its first call.

    Args:
        batch_per_task: B, transitions per task in a batch.
        devices: that the seeds are spread over; by default all.
        discount: per step, of the returns that rewards are scaled by and that Q is compared with.
    """
    one = OneSeed(method, spec, config, batch_per_task, discount)
    mesh = spread(config.num_seeds, devices)
    compiled = functools.partial(for_each_seed, mesh=mesh, precision=config.matmul_precision)
    return Program(
        start=compiled(one.start, once=True),
        no_divergence=compiled(one.no_divergence),
        tell=compiled(one.tell),
        learn=compiled(one.learn, shared=["step"], donate=["learner", "divergence"]),
        observe=compiled(one.observe, shared=["step"], donate=["replay"]),  # with the rollout donated, XLA copies more
        reset=compiled(one.reset, shared=["step"], donate=["learner", "divergence"]),
        finish_episode=compiled(one.finish_episode, donate=["learner"]),
        act=compiled(one.act),
    )


def seed_keys_of(config: TrainingConfig) -> Array:
    """One key per seed `[S]`; a run of several seeds has the same keys as the single runs."""
    return jax.vmap(random_key)(config.seed + jnp.arange(config.num_seeds))
