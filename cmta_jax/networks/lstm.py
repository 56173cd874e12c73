"""The LSTM of temporal attention (paper Eq. 5), one step; `MixtureEncoder.episode` scans it over time."""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.linear import Weights, linear
from cmta_jax.types import Array, Carry


class Memory(nn.Module):
    """One LSTM step; gates in the order i, f, g, o, two biases as in PyTorch.

    Args of `__call__`:
        carry: (hidden, cell), each `[..., H]`.
        inputs: `[..., D]`.

    Returns:
        The new (hidden, cell) and the new hidden state `[..., H]`.
    """

    features: int

    @nn.compact
    def __call__(self, carry: Carry, inputs: Array) -> tuple[Carry, Array]:
        hidden, cell = carry
        chex.assert_equal_shape([hidden, cell])
        chex.assert_equal_shape_prefix([hidden, inputs], inputs.ndim - 1)
        bound = uniform_symmetric(self.features**-0.5)
        kernel, bias = Weights(4 * self.features, bound, bound, name="input")(inputs)
        # Deviation 9: a second bias, trained like the first
        own_kernel, own_bias = Weights(4 * self.features, bound, bound, name="recurrent")(hidden)
        joined = jnp.concatenate([inputs, hidden], axis=-1)  # one product for both
        rows = joined.reshape(-1, joined.shape[-1])
        gates = linear(rows, jnp.concatenate([kernel, own_kernel]), bias, rows.dtype) + own_bias[None]
        gates = gates.reshape(*hidden.shape[:-1], gates.shape[-1])
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)  # h_t of Eq. 5
        return (hidden, cell), hidden


def uniform_symmetric(bound: float) -> Callable[..., Array]:
    """Initialiser: uniform in [-bound, bound], PyTorch's default for an LSTM."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def zero_carry(features: int, shape: tuple[int, ...]) -> Carry:
    """(hidden, cell) = 0 at the start of an episode, each `[*shape, features]` float32."""
    return jnp.zeros((*shape, features)), jnp.zeros((*shape, features))


def reset_where(first: Array, carry: Carry) -> Carry:
    """Zeroes the carry of the lanes that begin an episode. `first` is `[N, C]` bool; `()` stays `()`."""
    return jax.tree.map(lambda leaf: jnp.where(first[..., None], jnp.zeros_like(leaf), leaf), carry)
