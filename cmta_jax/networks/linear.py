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
    product = _product(inputs, kernel.astype(inputs.dtype), (1, 0), dtype)
    return (product.astype(bias.dtype) + bias[None]).astype(dtype)


def _forward(inputs: Array, kernel: Array, bias: Array, dtype: Any) -> tuple[Array, tuple[Array, Array]]:
    return _linear(inputs, kernel, bias, dtype), (inputs, kernel)


def _backward(dtype: Any, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array, Array]:
    inputs, kernel = saved
    narrow, down = kernel.astype(inputs.dtype), gradient.astype(inputs.dtype)
    of_inputs = _product(down, narrow, (1, 1), inputs.dtype)
    of_kernel = _product(inputs, down, (0, 0), kernel.dtype)
    return of_inputs, of_kernel, jnp.sum(gradient, axis=0, dtype=kernel.dtype)


_linear.defvjp(_forward, _backward)


def _product(left: Array, right: Array, summed: tuple[int, int], dtype: Any) -> Array:
    """The product of two matrices, summed over these axes of them. A CPU widens bfloat16 first, which rounds nothing.

    XLA has no batched products of bfloat16 for CPUs.
    """
    dimensions = ((summed[:1], summed[1:]), ((), ()))

    def product(left: Array, right: Array, dtype: Any = dtype) -> Array:
        return jax.lax.dot_general(left, right, dimensions, preferred_element_type=dtype)

    def widened(left: Array, right: Array) -> Array:
        return product(left.astype(jnp.float32), right.astype(jnp.float32), jnp.float32).astype(dtype)

    if left.dtype != jnp.bfloat16:
        return product(left, right)
    return jax.lax.platform_dependent(left, right, cpu=widened, default=product)


@jax.custom_jvp
def relu(inputs: Array) -> Array:
    """`max(inputs, 0)`; its gradient reads the result, so that nobody has to keep the inputs."""
    return jnp.maximum(inputs, 0)


# not `> 0`, which XLA takes back to the inputs, so that a GPU keeps both
relu.defjvps(lambda tangent, outputs, inputs: jnp.where(outputs != 0, tangent, jnp.zeros_like(tangent)))
