"""TSAC's arithmetic over arrays: no parameters, no networks, no keys (docs/methods.md, 6.3)."""

import chex
import jax
import jax.numpy as jnp

from cmta_jax.types import Array

SOFTNESS = 0.1  # width of the soft clip's bend (SEditor)


def edit(proposal: Array, correction: Array, edit_range: float, clip: str = "hard") -> Array:
    """The executed action, `proposal + edit_range * correction` kept in [-1, 1]; all `[N, B, A]`.

    The soft clip bends near the borders, so that the gradient survives beyond them.
    """
    chex.assert_equal_shape([proposal, correction])
    action = proposal + edit_range * correction
    if clip == "soft":
        action = SOFTNESS * jax.nn.softplus((action + 1.0) / SOFTNESS) - 1.0
        action = 1.0 - SOFTNESS * jax.nn.softplus((1.0 - action) / SOFTNESS)
    return jnp.clip(action, -1.0, 1.0)


def sparse_target(reward: Array, discount: Array, next_value: Array, bounds: tuple[float, float]) -> Array:
    """`r + discount * Q(s')` within what a sum of rewards can be, without gradient and without entropy.

    Args:
        reward, discount, next_value: `[N, B]`; `discount` already includes gamma.
        bounds: the lowest and the highest discounted sum of rewards.
    """
    chex.assert_equal_shape([reward, discount, next_value])
    return jax.lax.stop_gradient(jnp.clip(reward + discount * next_value, *bounds))


def hinge_distance(proposed_value: Array, value: Array) -> Array:
    """How much dense value `[N, B]` the correction costs; nothing where it gains. No gradient to the first argument."""
    chex.assert_equal_shape([proposed_value, value])
    return jax.nn.relu(jax.lax.stop_gradient(proposed_value) - value)


def squared_distance(proposal: Array, action: Array) -> Array:
    """Mean squared change of the action's components, `[N, B, A]` -> `[N, B]`."""
    chex.assert_equal_shape([proposal, action])
    return jnp.mean(jnp.square(action - jax.lax.stop_gradient(proposal)), axis=-1)


def correction_loss(
    log_prob: Array, distance: Array, success_value: Array, temperature: Array, multiplier: Array, weights: Array
) -> Array:
    """Mean of `temperature * log pi + (1 - w) distance - w success_value`, `w = multiplier / (1 + multiplier)`.

    Args:
        log_prob, distance, success_value: `[N, B]`; the last two of comparable size.
        temperature, multiplier, weights: `[N]`; `weights` are those of `losses.actor_loss`.
    """
    chex.assert_equal_shape([log_prob, distance, success_value])
    chex.assert_shape([temperature, multiplier, weights], log_prob.shape[:1])
    share = jax.lax.stop_gradient(multiplier / (1.0 + multiplier))[:, None]
    wanted = (1.0 - share) * distance - share * success_value
    return jnp.mean(weights[:, None] * (jax.lax.stop_gradient(temperature)[:, None] * log_prob + wanted))


def multiplier_loss(raw: Array, success: Array, budget: float) -> Array:
    """Sum over tasks of `softplus(raw) * (success - budget)`; both `[N]`, gradient to `raw` only."""
    chex.assert_equal_shape([raw, success])
    return jnp.sum(jax.nn.softplus(raw) * jax.lax.stop_gradient(success - budget))
