"""The mixture of experts with (temporal) attention, of CMTA and CARE (paper Eqs. 4-8, Fig. 2)."""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax.networks.linear import linear, relu
from cmta_jax.networks.lstm import Memory
from cmta_jax.networks.mlp import MLP, ensemble, rounded_to
from cmta_jax.types import Array, Carry, History, Params


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
        carry: (hidden, cell) `[N, B, H]`, or a `History` of it, if `temporal`; else `()`.

    Returns:
        The mixed encoding `[N, B, features]` and the `MixtureIntermediates`.
    """

    num_experts: int = 6
    features: int = 64
    temporal: bool = True
    attention_hidden: tuple[int, ...] = ()
    detach_task: bool = True
    dtype: str = "float32"  # what the experts' activations and encodings are rounded to; LSTM and attention are not

    def setup(self):
        self.experts = ensemble(MLP, self.num_experts)(
            (self.features,), self.features, dtype=self.dtype, round_output=True
        )
        self.attention = MLP(self.attention_hidden, self.num_experts)
        if self.temporal:
            self.memory = Memory(self.features)

    def __call__(self, observation: Array, task_encoding: Array, carry: Carry) -> tuple[Array, MixtureIntermediates]:
        chex.assert_rank([observation, task_encoding], [3, 2])
        if not self.temporal:
            return self._mix(observation, task_encoding, (), carry)
        if isinstance(carry, History):
            carry = self.recall(carry)
        carry, hidden = self.memory(carry, observation)  # Eq. 5
        return self._mix(observation, task_encoding, (hidden,), carry)

    def recall(self, history: History) -> Carry:
        """The carry (hidden, cell) `[N, B, H]` after the observations of a `History`, by the LSTM of today (Eq. 5)."""

        def step(memory: Memory, carry: Carry, seen_here: tuple[Array, Array]) -> tuple[Carry, tuple[()]]:
            observation, seen = seen_here
            after, _ = memory(carry, observation)
            return jax.tree.map(lambda new, old: jnp.where(seen[..., None], new, old), after, carry), ()

        over_time = nn.scan(step, variable_broadcast="params", split_rngs={"params": False})
        carry, _ = over_time(self.memory, history.carry, (history.observation, history.seen))
        return carry

    def _experts(self, observation: Array) -> Array:
        """Eq. 4: `[N, B, D]` -> `[K, N, B, features]`.

        Except on a CPU, the first layers of all experts are one product: cuBLAS adds no biases to a batched one.
        """
        if self.is_initializing():
            return self.experts(observation)
        networks = self.experts.clone(parent=None)

        def each(stacked: Params, observation: Array) -> Array:
            return jnp.asarray(networks.apply({"params": stacked}, observation))

        def first_layers_at_once(stacked: Params, observation: Array) -> Array:
            first, last = stacked["Dense_0"], stacked["Dense_1"]
            rows = observation.reshape(-1, observation.shape[-1])
            dtype = rounded_to(self.dtype, rows)
            kernel = jnp.moveaxis(first["kernel"], 0, 1).reshape(rows.shape[1], -1)
            hidden = relu(linear(rows.astype(dtype), kernel, first["bias"].reshape(-1), dtype))
            hidden = jnp.moveaxis(hidden.reshape(len(rows), self.num_experts, -1), 1, 0)
            experts = jax.vmap(functools.partial(linear, dtype=dtype))(hidden, last["kernel"], last["bias"])
            return experts.reshape(self.num_experts, *observation.shape[:2], self.features)

        stacked = self.variables["params"]["experts"]
        return jax.lax.platform_dependent(stacked, observation, cpu=each, default=first_layers_at_once)

    def _mix(
        self, observation: Array, task_encoding: Array, hidden: tuple[Array, ...], carry: Carry
    ) -> tuple[Array, MixtureIntermediates]:
        """Experts, attention and mixture for `observation` `[N, B, D]`; `hidden` is `(h_t [N, B, H],)` or `()`."""
        rows = observation.shape[:2]
        experts = self._experts(observation).astype(observation.dtype)  # Eq. 4: [K, N, B, D]
        chex.assert_shape(experts, (self.num_experts, *rows, self.features))
        query = jax.lax.stop_gradient(task_encoding) if self.detach_task else task_encoding  # Deviation 11
        query = jnp.broadcast_to(query[:, None], (*rows, query.shape[-1]))
        attention = jax.nn.softmax(self.attention(jnp.concatenate([query, *hidden], axis=-1)))  # Eq. 7
        chex.assert_shape(attention, (*rows, self.num_experts))
        encoding = jnp.einsum("nbk,knbd->nbd", attention, experts)  # Eq. 8
        return encoding, MixtureIntermediates(experts, attention, carry)
