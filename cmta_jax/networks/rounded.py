"""A linear layer whose activations and products are of half the width: `--activation_dtype=bfloat16`.

Parameters, their gradients and sums over rows stay float32: a sum over a thousand rows in bfloat16 loses most of them.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.types import Array


class Rounded(nn.Module):
    """`inputs @ kernel + bias` in `dtype`: `[R, D]` -> `[R, features]`; parameters as `nn.Dense` has them."""

    features: int
    dtype: str
    kernel_init: Any

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (inputs.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return linear(inputs.astype(self.dtype), kernel, bias)


@jax.custom_vjp
def linear(inputs: Array, kernel: Array, bias: Array) -> Array:
    """`inputs @ kernel + bias` in the inputs' dtype, sums of a product in float32.

    Args:
        inputs: `[R, D]`, of the narrow dtype.
        kernel: `[D, F]`.
        bias: `[F]`.

    Returns:
        `[R, F]`, of the narrow dtype.
    """
    product = jax.lax.dot(inputs, kernel.astype(inputs.dtype), preferred_element_type=inputs.dtype)
    return product + bias.astype(inputs.dtype)[None]


def _forward(inputs: Array, kernel: Array, bias: Array) -> tuple[Array, tuple[Array, Array]]:
    return linear(inputs, kernel, bias), (inputs, kernel)


def _backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array, Array]:
    inputs, kernel = saved
    narrow = kernel.astype(inputs.dtype)
    of_inputs = jax.lax.dot_general(gradient, narrow, (((1,), (1,)), ((), ())), preferred_element_type=inputs.dtype)
    of_kernel = jax.lax.dot_general(inputs, gradient, (((0,), (0,)), ((), ())), preferred_element_type=kernel.dtype)
    return of_inputs, of_kernel, jnp.sum(gradient, axis=0, dtype=kernel.dtype)


linear.defvjp(_forward, _backward)
