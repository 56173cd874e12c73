"""The mixture of experts with (temporal) attention, of CMTA and CARE (paper Eqs. 4-8, Fig. 2)."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.lstm import Memory
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.types import Array, Carry


class MixtureIntermediates(NamedTuple):
    """What a mixture computes besides its encoding, for the contrastive loss, plots and the next step."""

    experts: Array  # [K, N, B, D], one encoding per expert
    attention: Array  # [N, B, K], rows sum to one
    carry: Carry  # recurrent state after this step


class MixtureEncoder(nn.Module):
    """K experts encode the state; attention over the task encoding and the LSTM's hidden state mixes them.

    Args of `__call__`:
        observation: `[N, B, D]`.
        task_encoding: `[N, Z]`.
        carry: (hidden, cell) `[N, B, H]` if `temporal`, else `()`.

    Returns:
        The mixed encoding `[N, B, features]` and the `MixtureIntermediates`.
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

    def __call__(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, MixtureIntermediates]:
        chex.assert_rank([observation, task_encoding], [3, 2])
        if not self.temporal:
            return self._mix(observation, task_encoding, (), carry)
        carry, hidden = self.memory(carry, observation)  # Eq. 5
        return self._mix(observation, task_encoding, (hidden,), carry)

    def episode(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, MixtureIntermediates]:
        """A whole episode at once; equal to `T` calls, but nothing except the LSTM runs step by step.

        Args:
            observation: `[T, N, B, D]`.
            task_encoding: `[N, Z]`.
            carry: recurrent state before the first observation, `[N, B, H]` each.

        Returns:
            As of a call, every array with a leading `T`, except the carry: the last one.
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
            in_axes=(0, None, 0, None),  # pyright: ignore[reportArgumentType]  (flax types it as one int)
        )
        encoding, intermediates = mix(self, observation, task_encoding, hidden, ())
        return encoding, intermediates._replace(carry=carry)

    def _mix(
        self, observation: Array, task_encoding: Array, hidden: tuple[Array, ...], carry: Carry
    ) -> tuple[Array, MixtureIntermediates]:
        """Experts, attention and mixture for `observation` `[N, B, D]`; `hidden` is `(h_t [N, B, H],)` or `()`."""
        rows = observation.shape[:2]
        experts = self.experts(observation)  # Eq. 4: [K, N, B, D]
        chex.assert_shape(experts, (self.num_experts, *rows, self.features))
        query = jax.lax.stop_gradient(task_encoding) if self.detach_task else task_encoding  # Deviation 11
        query = jnp.broadcast_to(query[:, None], (*rows, query.shape[-1]))
        attention = jax.nn.softmax(self.attention(jnp.concatenate([query, *hidden], axis=-1)))  # Eq. 7
        chex.assert_shape(attention, (*rows, self.num_experts))
        encoding = jnp.einsum("nbk,knbd->nbd", attention, experts)  # Eq. 8
        return encoding, MixtureIntermediates(experts, attention, carry)
