"""Soft modularization: layers of modules whose outputs a routing network mixes.

Two forms: `SoftModules` is the CMTA paper's baseline (Table 5); `OriginalSoftModules` is the network that its authors
released (Yang et al., NeurIPS 2020). `SoftActor` and `soft_critics` use either of them as their trunk.

Modules lead with their axis M, `[M, N, B, D]`, so that each layer is one batched matrix product; the mixing is written
as products and sums, which compilers fuse, and not as a small matrix product per row.
"""

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.heads import split_bias, values_or_logits
from cmta_jax.networks.linear import relu, xavier_uniform
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array


class SoftModules(nn.Module):
    """The network of Table 5; with one layer, that of the released code (Deviation 18).

    Args of `__call__`:
        inputs: `[N, B, D]`.
        task: `[N, B, D]`; its product with the inputs is what the routing is made of.

    Returns:
        `[N, B, output_dim]`, the mean of the last modules' outputs.
    """

    output_dim: int
    output_bias: Any = nn.initializers.zeros_init()
    layers: int = 4
    modules: int = 4
    features: int = 64
    layer_norm: bool = False

    @nn.compact
    def __call__(self, inputs: Array, task: Array) -> Array:
        routes = Routing(self.layers, self.modules, self.features, name="routing")(inputs * task)
        linear = ensemble(MLP, self.modules, in_axes=0)
        hidden = ensemble(MLP, self.modules)((), self.features, name="layer_0")(inputs)
        for index, route in enumerate(routes[:-1], start=1):
            mixed = mix(route, rectified(self.layer_norm, f"norm_{index - 1}", hidden))
            hidden = linear((), self.features, name=f"layer_{index}")(mixed)
        hidden = rectified(self.layer_norm, f"norm_{self.layers - 1}", hidden)
        return linear((), self.output_dim, self.output_bias, name="output")(mix(routes[-1], hidden)).mean(axis=0)


def rectified(layer_norm: bool, name: str, hidden: Array) -> Array:
    """ReLU, with layer normalisation of that name before it if asked; to be called inside a module.

    The routing networks have none: a softmax bounds their outputs.
    """
    return relu(nn.LayerNorm(name=name)(hidden) if layer_norm else hidden)


class Routing(nn.Module):
    """Gate `[N, B, G]` -> how each layer's outputs are mixed, `[M, M, N, B]`: the weights of all sources sum to one."""

    layers: int
    modules: int
    features: int

    @nn.compact
    def __call__(self, gate: Array) -> list[Array]:
        gate = MLP((), self.features, name="gate")(gate)
        logits = [MLP((), self.modules**2, name="down_0")(relu(gate))]
        for index in range(1, self.layers):
            query = MLP((), self.features, name=f"up_{index}")(logits[-1]) * gate
            logits.append(MLP((), self.modules**2, name=f"down_{index}")(relu(query)))
        return [weights_of(each, self.modules) for each in logits]


class OriginalSoftModules(nn.Module):
    """Base network, task embedding, routing and modules in one: `[N, B, D]` -> `[N, B, output_dim]` (Deviation 19)."""

    output_dim: int
    output_bias: Any = nn.initializers.zeros_init()
    layers: int = 4
    modules: int = 4
    features: int = 128
    base_dim: int = 400
    gate_dim: int = 256
    layer_norm: bool = False

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        base = MLP((self.base_dim,), self.base_dim, layer_norm=self.layer_norm, name="base")(inputs)
        task = TaskLayer(self.base_dim, name="task")(inputs.shape[0])
        gate = MLP((self.gate_dim,), self.gate_dim, name="gate")(relu(base * task[:, None]))
        *routes, last = OriginalRouting(self.layers, self.modules, name="routing")(gate)
        hidden = ensemble(MLP, self.modules)((), self.features, name="layer_0")(
            rectified(self.layer_norm, "norm_base", base)
        )
        for index, route in enumerate(routes, start=1):
            layer = ensemble(MLP, self.modules, in_axes=0)((), self.features, name=f"layer_{index}")
            hidden = layer(rectified(self.layer_norm, f"norm_{index}", mix(route, hidden)))
        hidden = rectified(self.layer_norm, f"norm_{self.layers}", mix(last, hidden)[0])
        return MLP((), self.output_dim, self.output_bias, name="output")(hidden)


class OriginalRouting(nn.Module):
    """Gate `[N, B, G]` -> a mixing `[M, M, N, B]` after each layer but the last, and one `[1, M, N, B]` after it.

    Each is made of the gate and of all the mixings before it.
    """

    layers: int
    modules: int

    @nn.compact
    def __call__(self, gate: Array) -> list[Array]:
        routes, query = [], gate
        for index in range(self.layers):
            if index:
                before = jnp.concatenate([route.reshape(-1, *gate.shape[:2]) for route in routes])
                query = MLP((), gate.shape[-1], name=f"up_{index}")(jnp.moveaxis(before, 0, -1)) * gate
            size = self.modules**2 if index < self.layers - 1 else self.modules
            routes.append(weights_of(MLP((), size, name=f"down_{index}")(relu(query)), self.modules))
        return routes


class TaskLayer(nn.Module):
    """A linear layer on one-hot task vectors: `[N, features]`."""

    features: int

    @nn.compact
    def __call__(self, num_tasks: int) -> Array:
        kernel = self.param("kernel", xavier_uniform, (num_tasks, self.features))
        return kernel + self.param("bias", nn.initializers.zeros_init(), (1, self.features))


class SoftActor(nn.Module):
    """Representation -> mean and raw log standard deviation `[N, B, 2A]`.

    The representation is a tuple of `[N, B, ...]`: what the modules read and, if the network does not embed tasks
    itself, the task encodings. `network` is the network's class with everything but output size and bias given.
    """

    network: Callable[..., nn.Module]
    action_dim: int
    log_std_bias: float = 0.0

    @nn.compact
    def __call__(self, representation: tuple[Array, ...]) -> Array:
        output_bias = split_bias(self.log_std_bias)
        return self.network(2 * self.action_dim, output_bias, name="network")(*representation)


class SoftCritic(nn.Module):
    """Representation and action `[N, B, A]` -> value `[N, B]`; with `project`, both go through a linear layer first."""

    network: Callable[..., nn.Module]
    project: bool
    outputs: int = 1  # numbers per row; with several of them `[N, B, outputs]`

    @nn.compact
    def __call__(self, representation: tuple[Array, ...], action: Array) -> Array:
        state, *tasks = representation
        chex.assert_equal_shape_prefix([state, action], 2)
        inputs = jnp.concatenate([state, action], axis=-1)
        if self.project:
            inputs = MLP((), state.shape[-1], name="projection")(inputs)
        return values_or_logits(self.network(self.outputs, name="network")(inputs, *tasks))


def soft_critics(network: Callable[..., nn.Module], project: bool, num_critics: int, outputs: int = 1) -> nn.Module:
    """Representation and action -> values `[E, N, B]`, or `[E, N, B, outputs]`."""
    return ensemble(SoftCritic, num_critics)(network, project, outputs)


def weights_of(logits: Array, modules: int) -> Array:
    """Logits `[N, B, targets * M]` -> weights `[targets, M, N, B]`, a softmax over the sources M."""
    logits = jnp.moveaxis(logits, -1, 0)
    return jax.nn.softmax(logits.reshape(-1, modules, *logits.shape[1:]), axis=1)


@jax.custom_vjp
def mix(route: Array, hidden: Array) -> Array:
    """`u_i = sum_j p_ij x_j`: weights `[targets, M, N, B]`, module outputs `[M, N, B, D]` -> `[targets, N, B, D]`."""
    chex.assert_shape(hidden, (*route.shape[1:], None))
    terms = (route[:, j, :, :, None] * hidden[j][None] for j in range(hidden.shape[0]))
    return functools.reduce(jnp.add, terms)


def _mix_forward(route: Array, hidden: Array) -> tuple[Array, tuple[Array, Array]]:
    return mix(route, hidden), (route, hidden)


def _mix_backward(inputs: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    # written by hand, because the gradient that JAX derives is five times slower on a CPU
    route, hidden = inputs
    return _sum_by_halves(gradient[:, None] * hidden[None]), mix(jnp.swapaxes(route, 0, 1), gradient)


def _sum_by_halves(terms: Array) -> Array:
    """`terms.sum(axis=-1)`: additions fuse with what makes the terms, a reduction does not on a CPU."""
    while terms.shape[-1] % 2 == 0:
        half = terms.shape[-1] // 2
        terms = terms[..., :half] + terms[..., half:]
    return terms.sum(axis=-1)


mix.defvjp(_mix_forward, _mix_backward)
