"""What the second pair of critics counts (docs/methods.md, 6.3)."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from cmta_jax.types import Array, Transition


class Form(NamedTuple):
    """A reward for the correction policy.

    `bounds(gamma)` enclose every discounted sum of it; `score(successes, horizon)` is what an episode with so many
    successful steps is worth against the budget, in [0, 1].
    """

    reward: Callable[[Transition], Array]  # [N, B]
    discount: Callable[[Transition], Array]  # [N, B], without gamma
    bounds: Callable[[float], tuple[float, float]]
    score: Callable[[Array, int], Array]


def succeeded(batch: Transition) -> Array:
    """Success of each step as a number, `[N, B]`."""
    return batch.success.astype(batch.reward.dtype)


def fraction(successes: Array, horizon: int) -> Array:
    """The successful fraction of an episode's steps."""
    return successes / horizon


def any_success(successes: Array, horizon: int) -> Array:
    """Whether any step of the episode succeeded."""
    return jnp.minimum(successes, 1.0)


def per_step(gamma: float) -> float:
    """The discounted sum of 1 at every step, for ever."""
    return 1.0 / (1.0 - gamma)


FORMS = {
    "every": Form(succeeded, lambda batch: batch.discount, lambda gamma: (0.0, per_step(gamma)), fraction),
    # A success ends the count, so that states before the first one are worth gamma^(steps to it). Rows after it stay
    # in the replay and count towards the next one.
    "first": Form(
        succeeded, lambda batch: batch.discount * (1.0 - succeeded(batch)), lambda gamma: (0.0, 1.0), any_success
    ),
    "cost": Form(
        lambda batch: succeeded(batch) - 1.0,
        lambda batch: batch.discount,
        lambda gamma: (-per_step(gamma), 0.0),
        fraction,
    ),
    "dense": Form(
        lambda batch: batch.reward, lambda batch: batch.discount, lambda gamma: (-jnp.inf, jnp.inf), fraction
    ),
}
