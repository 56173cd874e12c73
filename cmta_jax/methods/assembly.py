"""Puts flax modules together into `sac.Networks`: a method is, as a rule, a choice of modules."""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax import sac
from cmta_jax.distributions import log_std_bias
from cmta_jax.networks.heads import Actor, Critics
from cmta_jax.networks.mlp import MLP
from cmta_jax.sac.state import Intermediates, Representation
from cmta_jax.sac.values import outputs_per_value
from cmta_jax.types import Array, Begin, Carry, Params, Spec


class Modules(NamedTuple):
    """The flax modules of a method."""

    task_encoder: nn.Module  # () -> [N, Z]
    encoder: nn.Module  # (observation [N, B, D], task encodings [N, Z], carry) -> encoding [N, B, F], Intermediates
    actor: nn.Module  # (representation) -> [N, B, 2A]
    critics: nn.Module  # (representation, action [N, B, A]) -> [E, N, B], or logits [E, N, B, M]


def joined(encoding: Array, tasks: Array) -> Array:
    """`[z_enc ; z_task]` (paper Algorithm 1, line 9): `[N, B, D]` and `[N, Z]` -> `[N, B, D + Z]`."""
    tasks = jnp.broadcast_to(tasks[:, None], (*encoding.shape[:2], tasks.shape[-1]))
    return jnp.concatenate([encoding, tasks.astype(encoding.dtype)], axis=-1)


def no_carry(copies: int) -> Carry:
    """The carry of a method without recurrent state."""
    return ()


def nothing(encoder_params: Params) -> Params:
    """No part of the encoder is kept frozen."""
    return ()


def assemble(
    spec: Spec,
    modules: Modules,
    *,
    begin: Begin = no_carry,
    represent: Callable[[Array, Array], Representation] = joined,
    frozen: Callable[[Any], Any] = nothing,
) -> sac.Networks:
    """A method's pieces; what else it needs (an auxiliary loss, task weights) it puts in with `_replace`.

    Args:
        modules: each sees every task at once, on the first axis.
        begin: the carry at the start of an episode.
        represent: `(encoding, task encodings) -> representation`, any pytree of `[N, B, ...]`.
        frozen: which parts of a second, fresh set of encoder parameters are kept and never trained.
    """
    task_encoder, encoder, actor, critics = modules

    def encode(params: Params, tasks: Array, observation: Array, carry: Carry) -> tuple[Representation, Intermediates]:
        chex.assert_shape(tasks, (spec.num_tasks, None))
        encoding, intermediates = _apply(encoder)(params, observation, tasks, carry)
        chex.assert_equal_shape_prefix([encoding, observation], 2)
        return represent(encoding, tasks), intermediates

    def init(key: Array) -> dict[str, Any]:
        keys = iter(jax.random.split(key, 5))
        task_params = task_encoder.init(next(keys))
        tasks = _apply(task_encoder)(task_params)
        inputs = jnp.zeros((spec.num_tasks, 1, spec.observation_dim)), tasks, begin(1)
        encoder_params = encoder.init(next(keys), *inputs)
        representation, _ = encode(encoder_params, tasks, inputs[0], inputs[2])
        return {
            "task_encoder": task_params,
            "encoder": encoder_params,
            "actor": actor.init(next(keys), representation),
            "critic": critics.init(next(keys), representation, jnp.zeros((spec.num_tasks, 1, spec.action_dim))),
            "frozen": frozen(encoder.init(next(keys), *inputs)),
        }

    return sac.Networks(init, begin, _apply(task_encoder), encode, _apply(actor), _apply(critics))


def _apply(module: nn.Module) -> Callable[..., Any]:
    """`module.apply`; flax types its result as a union that no caller means."""
    return module.apply


def heads(config: sac.Config, spec: Spec, trunk: type[nn.Module] = MLP) -> tuple[Actor, Critics]:
    """The actor and the critics of the shared sizes, on `trunk`."""
    hidden = (config.hidden_dim,) * config.hidden_layers
    bias = log_std_bias(config.log_std_mode, config.initial_log_std)
    wide = (config.critic_hidden_dim or config.hidden_dim,) * (config.critic_hidden_layers or config.hidden_layers)
    dtype = config.activation_dtype
    critics = Critics(wide, config.num_critics, trunk, config.critic_layer_norm, outputs_per_value(config), dtype)
    return Actor(hidden, spec.action_dim, bias, trunk, dtype), critics
