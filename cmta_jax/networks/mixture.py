"""The mixture of experts with (temporal) attention, of CMTA and CARE (paper Eqs. 4-8, Fig. 2)."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.lstm import Memory
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

    def setup(self):
        self.experts = ensemble(MLP, self.num_experts)((self.features,), self.features)
        self.attention = MLP(self.attention_hidden, self.num_experts)
        if self.temporal:
            self.memory = Memory(self.features)

    def __call__(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, Story]:
        chex.assert_rank([observation, task_encoding], [3, 2])
        if not self.temporal:
            return self._mix(observation, task_encoding, (), carry)
        carry, hidden = self.memory(carry, observation)
        return self._mix(observation, task_encoding, (hidden,), carry)

    def episode(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, Story]:
        """A whole episode at once: `observation` `[T, N, B, D]`, every result with a leading `T` (but the last carry).

        The memory is scanned over time, the rest is one batch; equal to `T` calls, without storing their carries.
        """
        hidden = ()
        if self.temporal:
            over_time = nn.scan(Memory.__call__, variable_broadcast="params", split_rngs={"params": False})
            carry, hidden = over_time(self.memory, carry, observation)
            hidden = (hidden,)
        mix = nn.vmap(
            MixtureEncoder._mix,
            variable_axes={"params": None},
            split_rngs={"params": False},
            in_axes=(0, None, 0, None),
        )
        encoding, story = mix(self, observation, task_encoding, hidden, ())
        return encoding, story._replace(carry=carry)

    def _mix(self, observation: Array, task_encoding: Array, hidden: tuple[Array, ...], carry: Carry):
        experts = self.experts(observation)
        query = jax.lax.stop_gradient(task_encoding) if self.detach_task else task_encoding
        query = jnp.broadcast_to(query[:, None], (*observation.shape[:2], query.shape[-1]))
        attention = jax.nn.softmax(self.attention(jnp.concatenate([query, *hidden], axis=-1)))
        return jnp.einsum("nbk,knbd->nbd", attention, experts), Story(experts, attention, carry)
