"""A mean that forgets, unbiased from the first value on (as Adam corrects its moments)."""

from typing import NamedTuple

import jax.numpy as jnp

from cmta_jax.types import Array


class RunningMean(NamedTuple):
    """`total / weight` is the mean; both start at zero."""

    total: Array
    weight: Array


def init(shape: tuple[int, ...]) -> RunningMean:
    return RunningMean(jnp.zeros(shape), jnp.zeros(()))


def add(running: RunningMean, values: Array, keep: float) -> RunningMean:
    """Takes in one value per element; `keep` is the share that older values keep."""
    return RunningMean(keep * running.total + (1.0 - keep) * values, keep * running.weight + (1.0 - keep))


def mean(running: RunningMean) -> Array:
    """The mean so far; zero before the first value."""
    return running.total / jnp.where(running.weight > 0, running.weight, jnp.ones_like(running.weight))
