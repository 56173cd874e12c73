"""Soft actor-critic for many tasks: the one update that all methods share.

A method brings `Networks`; `make` turns them into a `Method`. The order inside one update is the reference's: target,
critic (with the encoder, the task encoder and the auxiliary loss), actor against the updated critic, temperatures,
target networks. The task encodings are computed once, from the parameters before the update.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax import losses
from cmta_jax.sac.acting import act, policy_at
from cmta_jax.sac.optimisers import critic_group, descend, follow, transforms
from cmta_jax.sac.state import Config, LearnerState, Networks, Noise, Optimizers, Parameters, Targets
from cmta_jax.types import Array, Method, Metrics, Spec, Transition


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
    """One gradient step of everything (docs/methods.md, 1.2, 1.3; paper Algorithm 1, lines 14-19)."""
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


def before_update(networks: Networks, params: Parameters) -> tuple[Any, Array]:
    """What an update takes from the parameters before it and holds fixed: task encodings and task weights `[N]`."""
    fixed = networks.encode_tasks(params.task_encoder), networks.task_weights(params.log_temperature)
    return jax.lax.stop_gradient(fixed)


def next_value(config, networks, state, batch, tasks, noise, executed=lambda features, action: action):
    """`min_i Q_i(s', a')` `[..., N, B]` of the target critics, `log pi(a')` `[N, B]`, and what the target encoder said.

    `executed` makes the action that is executed out of the one that the actor proposes, given what the actor reads.
    """
    params, targets = state.params, state.targets
    acting, _ = networks.encode(networks.acting_encoder(params), tasks, batch.next_observation, batch.next_carry)
    action, log_prob = policy_at(config, networks, params.actor, acting).sample(noise)
    features, out = networks.encode(targets.encoder, tasks, batch.next_observation, batch.next_carry)
    values = networks.critic(targets.critic, features, executed(acting, action))
    return jnp.min(values, axis=-3), log_prob, jax.lax.stop_gradient(out)


def soft_target(config: Config, params: Parameters, batch: Transition, value: Array, log_prob: Array) -> Array:
    """`y` `[N, B]`: reward, discounted value of the next state, the policy's entropy there (docs/methods.md, 1.2)."""
    value = value - jnp.exp(params.log_temperature)[:, None] * log_prob
    return losses.bellman_target(batch.reward, config.discount * batch.discount, value)


def critic_step(networks, state, batch, next_out, transform, error):
    """Critics, encoder and task encoder descend `error(values) -> loss, metrics` plus the method's auxiliary loss."""

    def loss(group):
        tasks = networks.encode_tasks(group["task_encoder"])
        features, out = networks.encode(group["encoder"], tasks, batch.observation, batch.carry)
        error_, metrics = error(networks.critic(group["critic"], features, batch.action))
        auxiliary, auxiliary_metrics = networks.auxiliary(out, next_out)
        return error_ + auxiliary, {**metrics, **auxiliary_metrics}

    group = critic_group(state.params)
    gradients, metrics = jax.grad(loss, has_aux=True)(group)
    group, optimizer = descend(transform, gradients, state.optimizers.critic, group, networks.scale_updates)
    return state.params._replace(**group), optimizer, metrics


def critic_error(values: Array, target: Array, weights: Array) -> tuple[Array, Metrics]:
    """The loss of critics with values `[E, N, B]`, and what to log of them."""
    error = losses.critic_loss(values, target, weights)
    return error, {"critic_loss": error, "q_mean": values.mean(axis=(0, 2))}


def representations(networks: Networks, params: Parameters, batch: Transition, tasks: Any) -> tuple[Any, Any]:
    """What the critics read, and what the policy reads: the same, unless the policy has an encoder of its own."""
    encoders = params.encoder, networks.acting_encoder(params)
    return tuple(networks.encode(encoder, tasks, batch.observation, batch.carry)[0] for encoder in encoders)


def value_and_slope(networks: Networks, critic: Any, features: Any, action: Array) -> tuple[Array, Array]:
    """`min_i Q_i` `[N, B]` at an action, and its gradient with respect to the action `[N, B, A]`; both constants."""
    value, pull_back = jax.vjp(
        lambda action: jnp.min(networks.critic(critic, features, action), axis=0), jax.lax.stop_gradient(action)
    )
    return jax.lax.stop_gradient((value, *pull_back(jnp.ones_like(value))))


def along(value: Array, slope: Array, action: Array) -> Array:
    """`value` `[N, B]` as a function of the action with gradient `slope` `[N, B, A]`.

    Policies descend through this first-order model, so that several of them share one pass through the critics.
    """
    return value + jnp.sum(slope * (action - jax.lax.stop_gradient(action)), axis=-1)


class Drawn(NamedTuple):
    """What the actor did in its step: actions `[N, B, A]`, their log density `[N, B]`, the story of the objective."""

    action: Array
    log_prob: Array
    story: Any


def actor_step(config, networks, params, optimizer, features, objective, noise, weights, transform):
    """The actor's trunk descends `temperature * log pi - objective(action)`; everything below it is held fixed.

    `objective` returns a value `[N, B]`, differentiable in the action, and a story.
    """
    temperature = jnp.exp(params.log_temperature)

    def loss(actor):
        action, log_prob = policy_at(config, networks, actor, features).sample(noise)
        value, story = objective(action)
        return losses.actor_loss(log_prob, value, temperature, weights), Drawn(action, log_prob, story)

    (error, drawn), gradients = jax.value_and_grad(loss, has_aux=True)(params.actor)
    actor, optimizer = descend(transform, gradients, optimizer, params.actor)
    metrics = {"actor_loss": error, "entropy": -drawn.log_prob.mean(axis=1)}
    return params._replace(actor=actor), optimizer, drawn, metrics


def temperature_step(log_temperature, optimizer, log_prob, target_entropy, transform):
    """Each task's temperature moves its policy's entropy towards the target."""
    error, gradient = jax.value_and_grad(losses.temperature_loss)(log_temperature, log_prob, target_entropy)
    log_temperature, optimizer = descend(transform, gradient, optimizer, log_temperature)
    return log_temperature, optimizer, {"temperature_loss": error, "temperature": jnp.exp(log_temperature)}
