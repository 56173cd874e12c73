"""Actor and critics whose trunk is a soft network; `network` is its constructor, less output and bias.

A representation is a tuple: what the modules read, and, if the network does not embed tasks itself, their encodings.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.heads import split_bias
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array


class SoftActor(nn.Module):
    """Representation, a tuple of `[N, B, ...]` -> mean and raw log standard deviation `[N, B, 2A]`."""

    network: Callable[..., nn.Module]
    action_dim: int
    log_std_bias: float = 0.0

    @nn.compact
    def __call__(self, x: tuple[Array, ...]) -> Array:
        return self.network(2 * self.action_dim, split_bias(self.log_std_bias), name="network")(*x)


class SoftCritic(nn.Module):
    """Representation and action `[N, B, A]` -> value `[N, B]`; with `project`, both go through a linear layer first."""

    network: Callable[..., nn.Module]
    project: bool

    @nn.compact
    def __call__(self, x: tuple[Array, ...], action: Array) -> Array:
        inputs = jnp.concatenate([x[0], action], axis=-1)
        if self.project:
            inputs = MLP((), x[0].shape[-1], name="projection")(inputs)
        return self.network(1, name="network")(inputs, *x[1:])[..., 0]


def soft_critics(network: Callable[..., nn.Module], project: bool, num_critics: int) -> nn.Module:
    """Representation and action -> values `[E, N, B]`."""
    return ensemble(SoftCritic, num_critics)(network, project)
