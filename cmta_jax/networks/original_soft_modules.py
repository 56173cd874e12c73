"""Soft modularization as its authors released it (Yang et al., NeurIPS 2020; BUILD_NOTES 3.6 iii)."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.mlp import MLP, ensemble, xavier_uniform
from cmta_jax.networks.soft_modularization import mix, weights_of
from cmta_jax.types import Array


class OriginalSoftModules(nn.Module):
    """Base network, task embedding, routing and modules in one: `[N, B, D]` -> `[N, B, output_dim]`."""

    output_dim: int
    output_bias: Any = nn.initializers.zeros_init()
    layers: int = 4
    modules: int = 4
    features: int = 128
    base_dim: int = 400
    gate_dim: int = 256

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        base = MLP((self.base_dim,), self.base_dim, name="base")(inputs)
        task = TaskLayer(self.base_dim, name="task")(inputs.shape[0])
        gate = MLP((self.gate_dim,), self.gate_dim, name="gate")(jax.nn.relu(base * task[:, None]))
        *routes, last = OriginalRouting(self.layers, self.modules, name="routing")(gate)
        hidden = ensemble(MLP, self.modules)((), self.features, name="layer_0")(jax.nn.relu(base))
        for index, route in enumerate(routes, start=1):
            layer = ensemble(MLP, self.modules, in_axes=0)((), self.features, name=f"layer_{index}")
            hidden = layer(jax.nn.relu(mix(route, hidden)))
        return MLP((), self.output_dim, self.output_bias, name="output")(jax.nn.relu(mix(last, hidden)[0]))


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
            routes.append(weights_of(MLP((), size, name=f"down_{index}")(jax.nn.relu(query)), self.modules))
        return routes


class TaskLayer(nn.Module):
    """A linear layer on one-hot task vectors: `[N, features]`."""

    features: int

    @nn.compact
    def __call__(self, num_tasks: int) -> Array:
        kernel = self.param("kernel", xavier_uniform, (num_tasks, self.features))
        return kernel + self.param("bias", nn.initializers.zeros_init(), (1, self.features))
