"""What critics say: their outputs as values, the reduction over critics, and the loss of their error."""

import jax
import jax.numpy as jnp

from cmta_jax import losses
from cmta_jax.sac.state import Config
from cmta_jax.types import Array, Metrics


def outputs_per_value(config: Config) -> int:
    """Numbers that a critic gives for one value: one, or a logit for each bin."""
    return config.num_bins if config.critic_loss == "categorical" else 1


def bins(config: Config) -> Array:
    """The values that the bins of a categorical critic stand for, `[M]`, evenly spaced."""
    return jnp.linspace(config.value_min, config.value_max, config.num_bins)


def values_of(config: Config, outputs: Array) -> Array:
    """Values `[...]`: the outputs themselves, or the mean over the bins whose logits are `[..., M]`."""
    if config.critic_loss == "squared":
        return outputs
    return jnp.einsum("...m,m->...", jax.nn.softmax(outputs), bins(config))


def reduced(config: Config, values: Array, axis: int = 0) -> Array:
    """One value for all critics: the smallest (SAC), or the mean (ARS, BRC).

    Args:
        values: with the critics on `axis`.
        axis: which is gone in the result.
    """
    return jnp.min(values, axis=axis) if config.critic_reduction == "min" else jnp.mean(values, axis=axis)


def critic_error(config: Config, outputs: Array, target: Array, weights: Array) -> tuple[Array, Metrics]:
    """The loss of the critics, a scalar, and what to log of it.

    Args:
        outputs: `[E, N, B]`, or logits `[E, N, B, M]`.
        target: `[N, B]`, constant.
        weights: of the tasks, `[N]`.
    """
    if config.critic_loss == "squared":
        error = losses.critic_loss(outputs, target, weights)
    else:
        wanted = losses.binned(target, bins(config), config.value_spread)
        error = losses.categorical_critic_loss(outputs, wanted, weights)
    return error, {"critic_loss": error, "q_mean": values_of(config, outputs).mean(axis=(0, 2))}
