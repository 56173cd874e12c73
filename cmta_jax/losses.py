"""Losses over arrays: no parameters, no networks, no keys.

Every mean runs over all tasks and rows. All tasks have equally many rows, so that it is the mean over tasks of Eq. 11.
"""

import chex
import jax
import jax.numpy as jnp

from cmta_jax.types import Array


def bellman_target(reward: Array, discount: Array, next_value: Array) -> Array:
    """`r + discount * V(s')`, without gradient (`discount` already includes gamma).

    Args:
        reward, discount, next_value: `[N, B]`.

    Returns:
        `[N, B]`.
    """
    chex.assert_equal_shape([reward, discount, next_value])
    return jax.lax.stop_gradient(reward + discount * next_value)


def critic_loss(values: Array, target: Array, weights: Array) -> Array:
    """Sum over critics of the mean squared error (paper Eq. 9, with a target network, the minimum and the entropy).

    Args:
        values: `[E, N, B]`, one row per critic.
        target: `[N, B]`.
        weights: `[N]`, weight of each task; ones for every method of the paper.

    Returns:
        A scalar.
    """
    chex.assert_rank([values, target, weights], [3, 2, 1])
    chex.assert_shape(values, (None, *target.shape))
    error = weights[None, :, None] * jnp.square(values - target[None])  # Eq. 9; Deviation 4: without the factor 1/2
    return jnp.sum(jnp.mean(error, axis=(1, 2)))  # Eq. 11, for each critic


def categorical_critic_loss(logits: Array, wanted: Array, weights: Array) -> Array:
    """Sum over critics of the mean cross-entropy with the targets' histograms.

    Args:
        logits: `[E, N, B, M]`.
        wanted: `[N, B, M]`, rows sum to one (`binned`).
        weights: `[N]`, weight of each task.

    Returns:
        A scalar.
    """
    chex.assert_rank([logits, wanted, weights], [4, 3, 1])
    chex.assert_shape(logits, (None, *wanted.shape))
    error = -jnp.einsum("nbm,enbm->enb", wanted, jax.nn.log_softmax(logits))
    return jnp.sum(jnp.mean(weights[None, :, None] * error, axis=(1, 2)))


def binned(target: Array, bins: Array, spread: float) -> Array:
    """Targets as histograms over evenly spaced bins, each with the target as its mean (up to the ends).

    Two-hot (Schrittwieser et al., 2020) for `spread` 0, else HL-Gauss (Farebrother et al., 2024): the mass of a normal
    distribution around the target between the borders of each bin. Targets outside the bins count as the nearest end.

    Args:
        target: `[...]`.
        bins: centres of the bins, `[M]`.
        spread: standard deviation of the distribution, in widths of a bin.

    Returns:
        `[..., M]`, rows sum to one, without gradient.
    """
    place = (jax.lax.stop_gradient(target) - bins[0]) / (bins[1] - bins[0])
    place = jnp.clip(place, 0.0, len(bins) - 1.0)[..., None]
    index = jnp.arange(len(bins) + 1, dtype=place.dtype).reshape((1,) * (place.ndim - 1) + (-1,))
    if not spread:
        return jnp.maximum(0.0, 1.0 - jnp.abs(place - index[..., :-1]))
    below = jax.scipy.stats.norm.cdf((index - 0.5 - place) / spread)
    mass = jnp.diff(below, axis=-1)
    return mass / mass.sum(axis=-1, keepdims=True)


def actor_loss(log_prob: Array, value: Array, temperature: Array, weights: Array) -> Array:
    """Mean of `temperature * log pi - min Q` (paper Eq. 10, with the temperature on the entropy as SAC has it).

    Args:
        log_prob, value: `[N, B]`.
        temperature, weights: `[N]`.

    Returns:
        A scalar.
    """
    chex.assert_equal_shape([log_prob, value])
    chex.assert_shape([temperature, weights], log_prob.shape[:1])
    return jnp.mean(weights[:, None] * (temperature[:, None] * log_prob - value))  # Eqs. 10 and 11


def temperature_loss(log_temperature: Array, log_prob: Array, target_entropy: float) -> Array:
    """Mean of `temperature * (-log pi - target entropy)`, with gradient to the temperature only.

    Args:
        log_temperature: `[N]`, one temperature per task.
        log_prob: `[N, B]`.
        target_entropy: in nats.

    Returns:
        A scalar.
    """
    chex.assert_shape(log_temperature, log_prob.shape[:1])
    excess = jax.lax.stop_gradient(-log_prob - target_entropy)
    return jnp.mean(jnp.exp(log_temperature)[:, None] * excess)


def contrastive_loss(encodings: Array, next_encodings: Array, temperature: float, floor: float = -1.0) -> Array:
    """InfoNCE between experts (paper Eq. 3): summed over experts, averaged over rows.

    Expert i's encoding is the query, its own encoding of the next state the positive key, the other experts'
    encodings of the same state the negative keys. Vectors are compared by cosine.

    Args:
        encodings: `[K, N, B, D]` of s_t.
        next_encodings: `[K, N, B, D]` of s_{t+1}; pass them through `stop_gradient` to stop there.
        temperature: of the softmax; the reference uses 0.1.
        floor: a negative key counts as at least this cosine, so that experts are not pushed apart any further; -1, the
            paper's loss, pushes K experts to -1 / (K - 1), where their sum is zero; 0 makes them orthogonal.

    Returns:
        A scalar.
    """
    chex.assert_equal_shape([encodings, next_encodings])
    chex.assert_rank(encodings, 4)
    inverse = _inverse_norm(encodings)
    # Deviation 6: cosines, not dot products
    positive = jnp.einsum("knbd,knbd->knb", encodings, next_encodings) * inverse * _inverse_norm(next_encodings)
    itself = jnp.eye(len(encodings), dtype=bool)[:, :, None, None]
    negative = cosines(encodings) if floor <= -1.0 else jnp.maximum(cosines(encodings), floor)  # Deviation 28
    logits = jnp.where(itself, positive[:, None], negative) / temperature
    return jnp.sum(jnp.mean(jax.nn.logsumexp(logits, axis=1) - positive / temperature, axis=(1, 2)))  # Eq. 3


def cosines(vectors: Array) -> Array:
    """Cosine of each pair of `vectors` `[K, N, B, D]`: `[K, K, N, B]`.

    Products first and norms afterwards, so that the large array is read only once.
    """
    chex.assert_rank(vectors, 4)
    inverse = _inverse_norm(vectors)
    return _scalar_products(vectors) * inverse[:, None] * inverse[None]


def _scalar_products(vectors: Array) -> Array:
    """Of each pair of `vectors` `[K, N, B, D]`: `[K, K, N, B]`; a matrix product per row on a CPU, else sums."""

    def products(vectors: Array) -> Array:
        return jnp.einsum("knbd,jnbd->kjnb", vectors, vectors)

    def sums(vectors: Array) -> Array:
        return jnp.sum(vectors[:, None] * vectors[None], axis=-1)

    return jax.lax.platform_dependent(vectors, cpu=products, default=sums)


def _inverse_norm(vectors: Array, smallest: float = 1e-12) -> Array:
    square = jnp.einsum("knbd,knbd->knb", vectors, vectors)
    return jax.lax.rsqrt(jnp.maximum(square, smallest**2))
