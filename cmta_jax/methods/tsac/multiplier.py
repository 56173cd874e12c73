"""The Lagrangian of TSAC: each task's weight of success, moved once per completed episode (docs/methods.md, 6.3)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from cmta_jax.methods.tsac import losses, running_mean
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.rewards import FORMS
from cmta_jax.methods.tsac.running_mean import RunningMean
from cmta_jax.sac.optimisers import descend
from cmta_jax.types import Array

KEEP = 0.9  # share of the older episodes in the smoothed success


class Multiplier(NamedTuple):
    """The multipliers of all tasks, their optimiser, and the success that they follow."""

    raw: Array  # [N], the multiplier is its softplus
    optimizer: optax.OptState
    success: RunningMean  # [N], on-policy, over episodes


def init(config: Config, num_tasks: int) -> Multiplier:
    """All tasks at `initial_multiplier`, no episode seen."""
    raw = jnp.full((num_tasks,), _inverse_softplus(config.initial_multiplier), jnp.float32)
    return Multiplier(raw, optax.adam(config.multiplier_learning_rate).init(raw), running_mean.init((num_tasks,)))


def value(multiplier: Multiplier) -> Array:
    """The multipliers `[N]`."""
    return jax.nn.softplus(multiplier.raw)


def finish_episode(config: Config, horizon: int, multiplier: Multiplier, successes: Array) -> Multiplier:
    """One step of each multiplier: up where success falls short of the budget, down where it exceeds it.

    Args:
        horizon: steps per episode.
        successes: `[N, C]`, successful steps of each lane's episode.
    """
    score = FORMS[config.correction_reward].score(successes.astype(multiplier.raw.dtype), horizon).mean(axis=1)
    success = running_mean.add(multiplier.success, score, KEEP)
    if not config.learn_multiplier:
        return multiplier._replace(success=success)
    smoothed = running_mean.mean(success)
    if config.shared_multiplier:  # equal gradients keep equal multipliers equal
        smoothed = jnp.broadcast_to(smoothed.mean(), smoothed.shape)
    gradient = jax.grad(losses.multiplier_loss)(multiplier.raw, smoothed, config.budget)
    transform = optax.adam(config.multiplier_learning_rate)
    raw, optimizer = descend(transform, gradient, multiplier.optimizer, multiplier.raw)
    return Multiplier(jnp.minimum(raw, _inverse_softplus(config.max_multiplier)), optimizer, success)


def _inverse_softplus(value: float) -> Array:
    return jnp.log(jnp.expm1(jnp.float32(value)))
