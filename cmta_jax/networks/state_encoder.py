"""Encoders without experts: the state as it is, and the baselines' feed-forward network (docs/methods.md, 2.1)."""

from typing import NamedTuple

from flax import linen as nn

from cmta_jax.networks.mlp import MLP
from cmta_jax.types import Array, Carry


class Plain(NamedTuple):
    """The intermediates of an encoder without recurrent state: the carry that it was given."""

    carry: Carry = ()


class Identity(nn.Module):
    """The observation `[N, B, D]`, unchanged."""

    def __call__(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, Plain]:
        return observation, Plain(carry)


class StateEncoder(nn.Module):
    """Observation `[N, B, D]` -> encoding `[N, B, features]` through two hidden layers; the task is not read."""

    features: int = 64
    dtype: str = "float32"  # what activations and encoding are rounded to

    @nn.compact
    def __call__(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, Plain]:
        trunk = MLP((self.features,) * 2, self.features, dtype=self.dtype, round_output=True, name="trunk")
        return trunk(observation).astype(observation.dtype), Plain(carry)
