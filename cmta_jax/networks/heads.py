"""What stands on a representation: the shared actor and the twin critics (METHODS 1.5)."""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array


class Actor(nn.Module):
    """Representation `[N, B, D]` -> mean and raw log standard deviation `[N, B, 2A]`."""

    hidden: Sequence[int]
    action_dim: int
    log_std_bias: float = 0.0

    @nn.compact
    def __call__(self, features: Array) -> Array:
        return MLP(self.hidden, 2 * self.action_dim, split_bias(self.log_std_bias), name="trunk")(features)


class Critics(nn.Module):
    """Representation `[N, B, D]` and action `[N, B, A]` -> values `[E, N, B]`; all critics read the same input."""

    hidden: Sequence[int]
    num_critics: int = 2

    @nn.compact
    def __call__(self, features: Array, action: Array) -> Array:
        inputs = jnp.concatenate([features, action], axis=-1)
        return ensemble(MLP, self.num_critics)(self.hidden, 1, name="trunk")(inputs)[..., 0]


def split_bias(log_std_bias: float):
    """Bias initialiser of a policy's output: zero for the mean, `log_std_bias` for the raw log std."""

    def init(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        return jnp.where(jnp.arange(shape[-1]) < shape[-1] // 2, 0.0, log_std_bias).astype(dtype)

    return init
