"""What reads a representation: actors and twin critics (docs/methods.md, 1.5), shared or per task in head or whole.

`trunk` is a module with the constructor of `MLP`; the first axis of its input is the task.
"""

from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.linear import relu
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array, Params


class Actor(nn.Module):
    """Representation `[N, B, D]` -> mean and raw log standard deviation `[N, B, 2A]`."""

    hidden: Sequence[int]
    action_dim: int
    log_std_bias: float = 0.0
    trunk: type[nn.Module] = MLP
    dtype: str = "float32"  # of the hidden layers' activations and products

    @nn.compact
    def __call__(self, features: Array) -> Array:
        bias = split_bias(self.log_std_bias)
        return self.trunk(self.hidden, 2 * self.action_dim, bias, dtype=self.dtype, name="trunk")(features)


class Critics(nn.Module):
    """Representation `[N, B, D]` and action `[N, B, A]` -> values `[E, N, B]`; all critics read the same input.

    With several outputs `[E, N, B, outputs]`.

    One batched product serves all critics, except on a CPU, where one product after the other is faster. What counts is
    the device that the program is compiled for, which need not be one of this machine.
    """

    hidden: Sequence[int]
    num_critics: int = 2
    trunk: type[nn.Module] = MLP
    layer_norm: bool = False  # before each ReLU
    outputs: int = 1  # numbers per critic and row
    dtype: str = "float32"  # of the hidden layers' activations and products

    @nn.compact
    def __call__(self, features: Array, action: Array) -> Array:
        chex.assert_equal_shape_prefix([features, action], 2)
        inputs = jnp.concatenate([features, action], axis=-1)
        sizes = {"hidden": self.hidden, "output_dim": self.outputs, "layer_norm": self.layer_norm, "dtype": self.dtype}
        together = ensemble(self.trunk, self.num_critics, in_axes=0)
        shape = self.num_critics, *inputs.shape
        if self.is_initializing():
            return values_or_logits(together(**sizes, name="trunk")(jnp.broadcast_to(inputs, shape)))

        def at_once(stacked: Params, inputs: Array) -> Array:
            trunks = together(**sizes, parent=None)
            # an input for each, because XLA would merge and transpose the kernels that read one
            return values_or_logits(jnp.asarray(trunks.apply({"params": stacked}, jnp.broadcast_to(inputs, shape))))

        def in_turn(stacked: Params, inputs: Array) -> Array:
            trunk = self.trunk(**sizes, parent=None)
            each = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(self.num_critics)]
            outputs = jnp.stack([jnp.asarray(trunk.apply({"params": params}, inputs)) for params in each])
            # without the barrier XLA fuses the values into each consumer and sums in another order
            return jax.lax.optimization_barrier(values_or_logits(outputs))

        stacked = self.variables["params"]["trunk"]
        return jax.lax.platform_dependent(stacked, inputs, cpu=in_turn, default=at_once)


def values_or_logits(outputs: Array) -> Array:
    """A critic's outputs `[..., M]` without the last axis if there is one of them."""
    return outputs[..., 0] if outputs.shape[-1] == 1 else outputs


class MultiHead(nn.Module):
    """A shared trunk, ReLU after every layer; a linear head per task that sees its rows only (docs/methods.md, 3.8).

    `[N, B, D]` -> `[N, B, output_dim]`; heads are `[N, hidden, output_dim]`.
    """

    hidden: Sequence[int]
    output_dim: int
    output_bias: Any = nn.initializers.zeros_init()
    layer_norm: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        sizes = {"layer_norm": self.layer_norm, "dtype": self.dtype}
        shared = MLP(self.hidden[:-1], self.hidden[-1], **sizes, name="shared")(inputs)
        shared = relu(nn.LayerNorm(name="norm")(shared) if self.layer_norm else shared)
        heads = ensemble(MLP, inputs.shape[0], in_axes=0)
        return heads((), self.output_dim, self.output_bias, name="heads")(shared)


class PerTask(nn.Module):
    """A network per task: `[N, B, D]` -> `[N, B, output_dim]`, every parameter `[N, ...]` (docs/methods.md, 3.9)."""

    hidden: Sequence[int]
    output_dim: int
    output_bias: Any = nn.initializers.zeros_init()
    layer_norm: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        networks = ensemble(MLP, inputs.shape[0], in_axes=0)
        sizes = {"layer_norm": self.layer_norm, "dtype": self.dtype}
        return networks(self.hidden, self.output_dim, self.output_bias, **sizes, name="tasks")(inputs)


def split_bias(log_std_bias: float) -> Callable[..., Array]:
    """Bias initialiser of a policy's output: zero for the mean, `log_std_bias` for the raw log std."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jnp.where(jnp.arange(shape[-1]) < shape[-1] // 2, 0.0, log_std_bias).astype(dtype)

    return init
