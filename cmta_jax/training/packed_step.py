"""A `Step` on its way to the device, as one array: each array that crosses costs the host time."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from cmta_jax.environments.interface import Step
from cmta_jax.types import Array

_SINGLE = len(Step._fields) - 2  # fields with one number per lane; the first two are observations


def width(observation_dim: int) -> int:
    """W, the numbers of one lane."""
    return 2 * observation_dim + _SINGLE


def pack(step: Step) -> np.ndarray:
    """Leaves `[..., D]` and `[...]` as one array `[..., W]` float32, which holds all of them exactly."""
    lead = step.reward.shape
    return np.concatenate([leaf.reshape(*lead, -1) for leaf in step], axis=-1, dtype=np.float32)


def unpack(numbers: Array) -> Any:
    """The `Step` whose numbers `[..., W]` these are; its leaves are traced."""
    dim = (numbers.shape[-1] - _SINGLE) // 2
    single = jnp.moveaxis(numbers[..., 2 * dim :], -1, 0)
    step: Any = Step._make([numbers[..., :dim], numbers[..., dim : 2 * dim], *single])
    return step._replace(success=step.success > 0, first=step.first > 0, valid=step.valid > 0)
