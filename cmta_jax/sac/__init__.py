"""Soft actor-critic for many tasks: the one update that all methods share.

A method brings `Networks`; `make` turns them into a `Method`. The order inside one update is the reference's: target,
critic (with the encoder, the task encoder and the auxiliary loss), actor against the updated critic, temperatures,
target networks. The task encodings are computed once, from the parameters before the update.
"""

import jax
import jax.numpy as jnp

from cmta_jax.sac.acting import act, choose, perceive, policy_at, squashed
from cmta_jax.sac.optimisers import critic_group, descend, follow, transforms
from cmta_jax.sac.state import Config, LearnerState, Networks, Noise, Optimizers, Parameters, Targets
from cmta_jax.sac.steps import (
    actor_step,
    along,
    before_update,
    critic_error,
    critic_step,
    next_value,
    representations,
    soft_target,
    temperature_step,
    value_and_slope,
)
from cmta_jax.types import Array, Method, Metrics, Spec, Transition

__all__ = [
    "Config",
    "LearnerState",
    "Networks",
    "Noise",
    "Optimizers",
    "Parameters",
    "Targets",
    "act",
    "actor_step",
    "along",
    "before_update",
    "choose",
    "critic_error",
    "critic_group",
    "critic_step",
    "descend",
    "draw_noise",
    "follow",
    "init",
    "make",
    "next_value",
    "perceive",
    "policy_at",
    "representations",
    "soft_target",
    "squashed",
    "temperature_step",
    "transforms",
    "update",
    "value_and_slope",
]


def make(config: Config, spec: Spec, networks: Networks) -> Method:
    """A `Method` whose four functions close over `config`, `spec` and `networks`, and nothing else."""
    return Method(
        init=lambda key: init(config, spec, networks, key),
        begin=networks.begin,
        act=lambda *args: act(config, networks, *args),
        update=lambda state, batch, key: update(config, networks, state, batch, draw_noise(key, batch.action)),
        networks=networks,
    )


def init(config: Config, spec: Spec, networks: Networks, key: Array) -> LearnerState:
    """Fresh parameters, targets equal to them, zero optimiser states."""
    log_temperature = jnp.full((spec.num_tasks,), jnp.log(config.initial_temperature), jnp.float32)
    params = Parameters(**networks.init(key), log_temperature=log_temperature)
    critic, actor, temperature = transforms(config)
    return LearnerState(
        params,
        # copies, for a donated buffer must not be two leaves at once
        jax.tree.map(jnp.copy, Targets(params.critic, params.encoder)),
        Optimizers(critic.init(critic_group(params)), actor.init(params.actor), temperature.init(log_temperature)),
    )


def update(
    config: Config, networks: Networks, state: LearnerState, batch: Transition, noise: Noise
) -> tuple[LearnerState, Metrics]:
    """One gradient step of everything (BUILD_NOTES 1.2, 1.3; paper Algorithm 1, lines 14-19)."""
    critic_transform, actor_transform, temperature_transform = transforms(config)
    optimizers = state.optimizers
    tasks, weights = before_update(networks, state.params)

    value, log_prob, next_out = next_value(config, networks, state, batch, tasks, noise.next_action)
    target = soft_target(config, state.params, batch, value, log_prob)
    params, critic_optimizer, critic_metrics = critic_step(
        networks, state, batch, next_out, critic_transform, lambda values: critic_error(values, target, weights)
    )
    features, acting = representations(networks, params, batch, tasks)

    def objective(action):
        return along(*value_and_slope(networks, params.critic, features, action), action), ()

    params, actor_optimizer, drawn, actor_metrics = actor_step(
        config, networks, params, optimizers.actor, acting, objective, noise.action, weights, actor_transform
    )
    log_temperature, temperature_optimizer, temperature_metrics = temperature_step(
        params.log_temperature, optimizers.temperature, drawn.log_prob,
        config.target_entropy * batch.action.shape[-1], temperature_transform,
    )  # fmt: skip
    params = params._replace(log_temperature=log_temperature)
    return (
        LearnerState(
            params,
            follow(config, state.targets, params),
            Optimizers(critic_optimizer, actor_optimizer, temperature_optimizer),
        ),
        {**critic_metrics, **actor_metrics, **temperature_metrics},
    )


def draw_noise(key: Array, like: Array) -> Noise:
    """Fresh noise for one update over actions like `like` `[N, B, A]`."""
    next_key, key = jax.random.split(key)
    return Noise(jax.random.normal(next_key, like.shape, like.dtype), jax.random.normal(key, like.shape, like.dtype))
