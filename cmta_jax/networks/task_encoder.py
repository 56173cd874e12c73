"""What stands for the task: the task encoder g (paper Eq. 6, Table 4), a one-hot vector, or nothing."""

import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.linear import relu
from cmta_jax.networks.mlp import MLP
from cmta_jax.types import Array

DEPTHS = {"paper": 2, "reference": 3}  # hidden layers after the embedding (Deviation 12: Table 4, the released code)


class TaskEncoder(nn.Module):
    """Embedding, ReLU, FC 2D, FC D, (FC D in the reference), FC D: one encoding per task.

    With `embedding` `[N, any]` (sentence vectors, CARE) the table is frozen; without it, a table drawn from N(0, 1)
    is learnt.

    Returns:
        `[N, features]`, all tasks at once: callers broadcast over the batch.
    """

    num_tasks: int
    features: int = 64
    depth: str = "paper"
    embedding: tuple[tuple[float, ...], ...] = ()

    @nn.compact
    def __call__(self) -> Array:
        if self.embedding:
            table = jnp.asarray(self.embedding)
        else:
            table = self.param("embedding", nn.initializers.normal(1.0), (self.num_tasks, self.features))
        hidden = (2 * self.features,) + (self.features,) * (DEPTHS[self.depth] - 1)
        return MLP(hidden, self.features, name="trunk")(relu(table))  # Eq. 6


class OneHot(nn.Module):
    """Row i of the identity for task i: `[N, N]`, no parameters."""

    num_tasks: int

    def __call__(self) -> Array:
        return jnp.eye(self.num_tasks)


class NoTask(nn.Module):
    """An empty encoding `[N, 0]`: joined to a state, it changes nothing."""

    num_tasks: int

    def __call__(self) -> Array:
        return jnp.zeros((self.num_tasks, 0))
