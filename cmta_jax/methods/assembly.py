"""Puts flax modules together into `sac.Networks`: a method is, as a rule, a choice of modules."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cmta_jax import sac
from cmta_jax.distributions import log_std_bias
from cmta_jax.networks.heads import Actor, Critics
from cmta_jax.networks.mlp import MLP
from cmta_jax.types import Array, Carry, Spec


def joined(encoding: Array, tasks: Array) -> Array:
    """`[z_enc ; z_task]`: `[N, B, D]` and `[N, Z]` -> `[N, B, D + Z]`."""
    tasks = jnp.broadcast_to(tasks[:, None], (*encoding.shape[:2], tasks.shape[-1]))
    return jnp.concatenate([encoding, tasks.astype(encoding.dtype)], axis=-1)


def no_memory(copies: int) -> Carry:
    return ()


def nothing(encoder_params: Any) -> Any:
    return ()


def assemble(
    spec: Spec,
    task_encoder: nn.Module,
    encoder: nn.Module,
    actor: nn.Module,
    critics: nn.Module,
    *,
    begin: Callable[[int], Carry] = no_memory,
    represent: Callable[[Array, Array], Any] = joined,
    frozen: Callable[[Any], Any] = nothing,
    **hooks: Callable,
) -> sac.Networks:
    """A method's pieces.

    Args:
        task_encoder: `() -> [N, Z]`.
        encoder: `(observation [N, B, D], task encodings [N, Z], carry) -> encoding [N, B, F], story with .carry`.
        actor: `(x) -> [N, B, 2A]`.
        critics: `(x, action [N, B, A]) -> [E, N, B]`.
        begin: the memory at an episode's start.
        represent: `(encoding, task encodings) -> x`, any pytree of `[N, B, ...]`.
        frozen: which parts of a second, fresh set of encoder parameters are kept and never trained.
        hooks: further fields of `sac.Networks`.
    """

    def encode(params, tasks, observation, carry):
        encoding, story = encoder.apply(params, observation, tasks, carry)
        return represent(encoding, tasks), story

    def init(key):
        keys = iter(jax.random.split(key, 5))
        task_params = task_encoder.init(next(keys))
        tasks = task_encoder.apply(task_params)
        inputs = jnp.zeros((spec.num_tasks, 1, spec.observation_dim)), tasks, begin(1)
        encoder_params = encoder.init(next(keys), *inputs)
        x, _ = encode(encoder_params, tasks, inputs[0], inputs[2])
        return {
            "task_encoder": task_params,
            "encoder": encoder_params,
            "actor": actor.init(next(keys), x),
            "critic": critics.init(next(keys), x, jnp.zeros((spec.num_tasks, 1, spec.action_dim))),
            "frozen": frozen(encoder.init(next(keys), *inputs)),
        }

    return sac.Networks(
        init=init,
        begin=begin,
        encode_tasks=task_encoder.apply,
        encode=encode,
        policy=actor.apply,
        critic=critics.apply,
        **hooks,
    )


def heads(config: sac.Config, spec: Spec, trunk: type[nn.Module] = MLP) -> tuple[Actor, Critics]:
    """The actor and the critics of the shared sizes, on `trunk`."""
    hidden = (config.hidden_dim,) * config.hidden_layers
    bias = log_std_bias(config.log_std_mode, config.initial_log_std)
    return Actor(hidden, spec.action_dim, bias, trunk), Critics(
        hidden, config.num_critics, trunk, config.critic_layer_norm
    )
