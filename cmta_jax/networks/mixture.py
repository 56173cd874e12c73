"""The mixture of experts with (temporal) attention, of CMTA and CARE (paper Eqs. 4-8, Fig. 2)."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.memory import Memory
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array, Carry


class Story(NamedTuple):
    """What happened inside an encoder, for losses, plots and the next step."""

    experts: Array  # [K, N, B, D], one encoding per expert
    attention: Array  # [N, B, K], rows sum to one
    carry: Carry  # the memory after this step


class MixtureEncoder(nn.Module):
    """K experts encode the state; attention over the task encoding and the memory mixes them.

    Args of `__call__`:
        observation: `[N, B, D]`.
        task_encoding: `[N, Z]`.
        carry: (hidden, cell) `[N, B, H]` if `temporal`, else `()`.

    Returns:
        The mixed encoding `[N, B, features]` and the `Story`.
    """

    num_experts: int = 6
    features: int = 64
    temporal: bool = True
    attention_hidden: tuple[int, ...] = ()
    detach_task: bool = True

    @nn.compact
    def __call__(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, Story]:
        chex.assert_rank([observation, task_encoding], [3, 2])
        experts = ensemble(MLP, self.num_experts)((self.features,), self.features, name="experts")(observation)
        query = jax.lax.stop_gradient(task_encoding) if self.detach_task else task_encoding
        query = jnp.broadcast_to(query[:, None], (*observation.shape[:2], query.shape[-1]))
        if self.temporal:
            carry, hidden = Memory(self.features, name="memory")(carry, observation)
            query = jnp.concatenate([query, hidden], axis=-1)
        attention = jax.nn.softmax(MLP(self.attention_hidden, self.num_experts, name="attention")(query))
        return jnp.einsum("nbk,knbd->nbd", attention, experts), Story(experts, attention, carry)
