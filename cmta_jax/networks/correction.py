"""The correction policy of TSAC: it reads the representation and the proposed action (docs/methods.md, 6.3, 6.4)."""

from collections.abc import Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.linear import relu, xavier_uniform
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array

SHARING = ("conditioned", "multi_head", "disjoint")


class Correction(nn.Module):
    """Representation and proposed action `[N, B, A]` -> mean and raw log standard deviation `[N, B, 2A]`.

    The mean's head starts at zero, so that the first corrections have mean zero. `sharing` names what tasks share: all
    of it (`conditioned`), all but the heads (`multi_head`), or nothing (`disjoint`).

    Args of `__call__`:
        features: a pytree of `[N, B, ...]`; its leaves are joined.
        proposal: `[N, B, A]`.
    """

    hidden: Sequence[int]
    action_dim: int
    log_std_bias: float = 0.0
    sharing: str = "conditioned"
    dtype: str = "float32"  # of the trunk's hidden layers

    @nn.compact
    def __call__(self, features: Any, proposal: Array) -> Array:
        chex.assert_rank(proposal, 3)
        tasks, rows = proposal.shape[:2]
        leaves = [leaf.reshape(tasks, rows, -1) for leaf in jax.tree.leaves(features)]
        trunk = ensemble(MLP, tasks, in_axes=0) if self.sharing == "disjoint" else MLP
        head = nn.Dense if self.sharing == "conditioned" else ensemble(nn.Dense, tasks, in_axes=0)
        inputs = jnp.concatenate([*leaves, proposal], axis=-1)
        hidden = trunk(self.hidden[:-1], self.hidden[-1], dtype=self.dtype, name="trunk")(inputs)
        hidden = relu(hidden)
        mean = head(self.action_dim, kernel_init=nn.initializers.zeros_init(), name="mean")(hidden)
        bias = nn.initializers.constant(self.log_std_bias)
        raw = head(self.action_dim, kernel_init=xavier_uniform, bias_init=bias, name="log_std")(hidden)
        return jnp.concatenate([mean, raw], axis=-1)
