"""The linear layer of all networks and their ReLU, with gradients that cost a GPU no copies."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.types import Array

xavier_uniform = nn.initializers.xavier_uniform()


class Weights(nn.Module):
    """The parameters of a linear layer for inputs `[..., D]`: kernel `[D, features]` and bias `[features]`, float32."""

    features: int
    kernel_init: Any = xavier_uniform
    bias_init: Any = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, inputs: Array) -> tuple[Array, Array]:
        kernel = self.param("kernel", self.kernel_init, (inputs.shape[-1], self.features))
        return kernel, self.param("bias", self.bias_init, (self.features,))


def linear(inputs: Array, kernel: Array, bias: Array, dtype: Any) -> Array:
    """`inputs @ kernel + bias`. Inputs may be narrower than the parameters; products read what is so narrow.

    The gradients of the parameters and all sums keep the parameters' dtype: a sum over a thousand rows in bfloat16
    loses most of them. The kernel's gradient has the kernel's layout, where that of JAX's own would be transposed.

    Args:
        inputs: `[R, D]`.
        kernel: `[D, F]`.
        bias: `[F]`.
        dtype: of the result.

    Returns:
        `[R, F]`.
    """
    return _linear(inputs, kernel, bias, dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _linear(inputs: Array, kernel: Array, bias: Array, dtype: Any) -> Any:
    product = jax.lax.dot(inputs, kernel.astype(inputs.dtype), preferred_element_type=dtype)
    return (product.astype(bias.dtype) + bias[None]).astype(dtype)


def _forward(inputs: Array, kernel: Array, bias: Array, dtype: Any) -> tuple[Array, tuple[Array, Array]]:
    return _linear(inputs, kernel, bias, dtype), (inputs, kernel)


def _backward(dtype: Any, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array, Array]:
    inputs, kernel = saved
    narrow, down = kernel.astype(inputs.dtype), gradient.astype(inputs.dtype)
    of_inputs = jax.lax.dot_general(down, narrow, (((1,), (1,)), ((), ())), preferred_element_type=inputs.dtype)
    of_kernel = jax.lax.dot_general(inputs, down, (((0,), (0,)), ((), ())), preferred_element_type=kernel.dtype)
    return of_inputs, of_kernel, jnp.sum(gradient, axis=0, dtype=kernel.dtype)


_linear.defvjp(_forward, _backward)


@jax.custom_jvp
def relu(inputs: Array) -> Array:
    """`max(inputs, 0)`; its gradient reads the result, so that nobody has to keep the inputs."""
    return jnp.maximum(inputs, 0)


# not `> 0`, which XLA takes back to the inputs, so that a GPU keeps both
relu.defjvps(lambda tangent, outputs, inputs: jnp.where(outputs != 0, tangent, jnp.zeros_like(tangent)))
