"""Feed-forward networks, and the one `nn.vmap` that experts, critics and single-task learners share."""

from collections.abc import Sequence
from typing import Any

import jax
from flax import linen as nn

from cmta_jax.networks.rounded import Rounded
from cmta_jax.types import Array

xavier_uniform = nn.initializers.xavier_uniform()


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

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        rows = inputs.reshape(-1, inputs.shape[-1])
        for number, width in enumerate(self.hidden):
            rows = self._linear(width, f"Dense_{number}")(rows)
            if self.layer_norm:
                rows = nn.LayerNorm()(rows.astype(inputs.dtype)).astype(rows.dtype)
            rows = jax.nn.relu(rows)
        rows = rows.astype(inputs.dtype)
        name = f"Dense_{len(self.hidden)}"
        outputs = nn.Dense(self.output_dim, kernel_init=xavier_uniform, bias_init=self.output_bias, name=name)(rows)
        return outputs.reshape(*inputs.shape[:-1], self.output_dim)

    def _linear(self, width: int, name: str) -> nn.Module:
        """A hidden layer before its ReLU."""
        if self.dtype == "float32":
            return nn.Dense(width, kernel_init=xavier_uniform, name=name)
        return Rounded(width, self.dtype, xavier_uniform, name=name)


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
