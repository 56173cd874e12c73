"""Feed-forward networks, and the one `nn.vmap` that experts, critics and single-task learners share."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.linear import Weights, linear, relu
from cmta_jax.types import Array


class MLP(nn.Module):
    """Linear layers with ReLU between them (docs/methods.md, 1.5; Xavier-uniform weights, zero biases).

    All leading axes become one, because a gradient of the weights that sums over several axes is slower.

    Args of `__call__`:
        inputs: `[..., D]`.

    Returns:
        `[..., output_dim]`.
    """

    hidden: Sequence[int]
    output_dim: int
    output_bias: Any = nn.initializers.zeros_init()
    layer_norm: bool = False  # layer normalisation (learned scale and bias) before each ReLU
    dtype: str = "float32"  # of the hidden layers' activations and products; parameters and outputs keep theirs
    round_output: bool = False  # the outputs have `dtype`, too

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        rows = inputs.reshape(-1, inputs.shape[-1])
        dtype = rounded_to(self.dtype, inputs)
        for number, width in enumerate(self.hidden):
            hidden = linear(rows.astype(dtype), *Weights(width, name=f"Dense_{number}")(rows), dtype)
            if self.layer_norm:
                hidden = nn.LayerNorm()(hidden.astype(inputs.dtype)).astype(dtype)
            rows = relu(hidden)
        last = Weights(self.output_dim, bias_init=self.output_bias, name=f"Dense_{len(self.hidden)}")
        outputs = linear(rows, *last(rows), dtype if self.round_output else inputs.dtype)
        return outputs.reshape(*inputs.shape[:-1], self.output_dim)


def rounded_to(dtype: str, inputs: Array) -> Any:
    """The dtype of a network's activations: that of its inputs, unless its setting names a narrower one."""
    return inputs.dtype if dtype == "float32" else jnp.dtype(dtype)


def ensemble(module: type[nn.Module], size: int, in_axes: int | None = None) -> type[nn.Module]:
    """`size` independent copies of a module, stacked on a new leading axis of parameters and outputs.

    With `in_axes=None` all copies read the same input (experts, critics); with `in_axes=0` copy i reads row i of
    the input (one network per task). Each copy has its own initialisation.
    """
    return nn.vmap(
        module,
        variable_axes={"params": 0},
        split_rngs={"params": True},
        in_axes=in_axes,  # pyright: ignore[reportArgumentType]  (flax's annotation lacks None)
        out_axes=0,
        axis_size=size,
    )
