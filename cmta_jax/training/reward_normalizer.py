"""The running normaliser of rewards, as in the released code (`normalized_env.py`); the paper only says "scale 1"."""

from typing import NamedTuple

import jax.numpy as jnp

from cmta_jax.types import Array

RATE, EPSILON = 0.001, 1e-8


class RewardNormalizer(NamedTuple):
    """Exponential running mean and variance of each environment's raw reward, `[N, C]` each."""

    mean: Array
    variance: Array


def init(shape: tuple[int, ...]) -> RewardNormalizer:
    """Mean 0 and variance 1."""
    return RewardNormalizer(jnp.zeros(shape), jnp.ones(shape))


def normalize(normalizer: RewardNormalizer, reward: Array, valid: Array) -> tuple[RewardNormalizer, Array]:
    """Takes one raw reward per environment `[N, C]` into the statistics and divides it by their deviation.

    The reward is not centred; the variance uses the mean that has just been updated. Where not `valid` (a fault),
    the statistics stay.
    """
    rate = jnp.where(valid, RATE, 0.0).astype(reward.dtype)
    mean = (1.0 - rate) * normalizer.mean + rate * reward
    variance = (1.0 - rate) * normalizer.variance + rate * jnp.square(reward - mean)
    return RewardNormalizer(mean, variance), reward / (jnp.sqrt(variance) + EPSILON)
