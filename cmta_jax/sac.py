"""Soft actor-critic for many tasks: the one update that all methods share.

A method brings `Networks`; `make` turns them into a `Method`. The order inside one update is the reference's: target,
critic (with the encoder, the task encoder and the auxiliary loss), actor against the updated critic, temperatures,
target networks. The task encodings are computed once, from the parameters before the update.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from cmta_jax import losses
from cmta_jax.config import setting
from cmta_jax.distributions import LOG_STD_MODES, TanhGaussian
from cmta_jax.networks.memory import reset_where
from cmta_jax.types import Array, Carry, Method, Metrics, Spec, Transition


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings that every method shares; defaults are the paper's (Table 3)."""

    batch_per_task: int = setting(128, "transitions per task in a batch", minimum=1)
    hidden_dim: int = setting(512, "width of the hidden layers of actor and critics", minimum=1)
    hidden_layers: int = setting(3, "hidden layers of actor and critics", minimum=1)
    num_critics: int = setting(2, "critics whose minimum is used", minimum=1)
    actor_learning_rate: float = setting(3e-4, "Adam's rate for the actor", minimum=0.0)
    critic_learning_rate: float = setting(3e-4, "Adam's rate for critics, encoders and task encoder", minimum=0.0)
    temperature_learning_rate: float = setting(3e-4, "Adam's rate for the temperatures", minimum=0.0)
    max_gradient_norm: float = setting(0.0, "global norm at which gradients are clipped; 0 = no clipping", minimum=0.0)
    discount: float = setting(0.99, "discount per environment step", minimum=0.0, maximum=1.0)
    target_rate: float = setting(0.005, "step of the target critics towards the critics", minimum=0.0, maximum=1.0)
    encoder_target_rate: float = setting(0.05, "the same for the target encoder", minimum=0.0, maximum=1.0)
    initial_temperature: float = setting(1.0, "temperature of every task at the start", minimum=0.0, exclusive=True)
    target_entropy: float = setting(-1.0, "target entropy per action dimension, in nats")
    log_std_mode: str = setting("rescaled_tanh", "how the policy bounds its log std", choices=tuple(LOG_STD_MODES))
    initial_log_std: float = setting(-9.0, "log std of the initial policy (the reference: -9; a standard Gaussian: 0)")


class Parameters(NamedTuple):
    """All that acting and learning read. Each group is trained by one loss; `frozen` by none."""

    actor: Any
    critic: Any
    encoder: Any
    task_encoder: Any
    log_temperature: Array  # [N]
    frozen: Any = ()


class Targets(NamedTuple):
    """Slowly following copies. The task encoder has none (as in the reference)."""

    critic: Any
    encoder: Any


class Optimizers(NamedTuple):
    """Adam states: one for critics, encoder and task encoder together, one for the actor, one for temperatures."""

    critic: optax.OptState
    actor: optax.OptState
    temperature: optax.OptState


class LearnerState(NamedTuple):
    params: Parameters
    targets: Targets
    optimizers: Optimizers


class Networks(NamedTuple):
    """What a method is made of: pure functions over groups of `Parameters`.

    A representation `x` is any pytree of `[N, B, ...]`; `out` is what the encoder tells about itself, `out.carry` the
    memory after the step.
    """

    init: Callable[[Array], dict[str, Any]]  # (key) -> the groups of Parameters, less the temperatures
    begin: Callable[[int], Carry]  # (copies) -> [N, copies, ...]
    encode_tasks: Callable[[Any], Any]  # (task_encoder) -> [N, Z] or ()
    encode: Callable[..., tuple[Any, Any]]  # (encoder, task_encodings, observation, carry) -> x, out
    policy: Callable[[Any, Any], Array]  # (actor, x) -> [N, B, 2A]: mean and raw log std
    critic: Callable[[Any, Any, Array], Array]  # (critic, x, action) -> [E, N, B]
    auxiliary: Callable[[Any, Any], tuple[Array, Metrics]] = lambda out, next_out: (jnp.zeros(()), {})
    acting_encoder: Callable[[Parameters], Any] = lambda params: params.encoder
    task_weights: Callable[[Array], Array] = jnp.ones_like  # (log_temperature [N]) -> [N]


class Noise(NamedTuple):
    """Standard normal noise of one update, `[N, B, A]` each."""

    next_action: Array
    action: Array


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


def act(
    config: Config, networks: Networks, params: Parameters, carry: Carry, observation: Array, first: Array,
    key: Array, explore: bool | Array,
) -> tuple[Array, Carry, Carry]:  # fmt: skip
    """One action per lane.

    Args:
        carry: memory before the step, of whatever episode came before; lanes with `first` start from zero.
        observation: `[N, C, D]`.
        first: `[N, C]` bool, the observation begins an episode.
        key: for the exploration noise.
        explore: sample (true) or take the mode (false).

    Returns:
        Actions `[N, C, A]` in [-1, 1], the memory that this step started from, the memory after it.
    """
    carry = reset_where(first, carry)
    tasks = networks.encode_tasks(params.task_encoder)
    features, out = networks.encode(networks.acting_encoder(params), tasks, observation, carry)
    policy = policy_at(config, networks, params.actor, features)
    noise = jax.random.normal(key, policy.mean.shape, policy.mean.dtype)
    action, _ = policy.sample(noise)
    return jnp.where(explore, action, policy.mode()), carry, out.carry


def update(
    config: Config, networks: Networks, state: LearnerState, batch: Transition, noise: Noise
) -> tuple[LearnerState, Metrics]:
    """One gradient step of everything (METHODS 1.2, 1.3; paper Algorithm 1, lines 14-19)."""
    transforms_ = transforms(config)
    tasks = jax.lax.stop_gradient(networks.encode_tasks(state.params.task_encoder))
    weights = jax.lax.stop_gradient(networks.task_weights(state.params.log_temperature))

    target, next_out = bellman_target(config, networks, state, batch, tasks, noise.next_action)
    params, critic_optimizer, critic_metrics = critic_step(
        config, networks, state, batch, target, next_out, weights, transforms_[0]
    )
    params, actor_optimizer, log_prob, actor_metrics = actor_step(
        config, networks, params, state.optimizers.actor, batch, tasks, noise.action, weights, transforms_[1]
    )
    params, temperature_optimizer, temperature_metrics = temperature_step(
        config, params, state.optimizers.temperature, log_prob, batch.action.shape[-1], transforms_[2]
    )
    return (
        LearnerState(
            params,
            follow(config, state.targets, params),
            Optimizers(critic_optimizer, actor_optimizer, temperature_optimizer),
        ),
        {**critic_metrics, **actor_metrics, **temperature_metrics},
    )


def bellman_target(config, networks, state, batch, tasks, noise):
    """`y` `[N, B]` and what the target encoder said of the next state (METHODS 1.2)."""
    params, targets = state.params, state.targets
    features, _ = networks.encode(networks.acting_encoder(params), tasks, batch.next_observation, batch.next_carry)
    action, log_prob = policy_at(config, networks, params.actor, features).sample(noise)
    features, out = networks.encode(targets.encoder, tasks, batch.next_observation, batch.next_carry)
    value = jnp.min(networks.critic(targets.critic, features, action), axis=0)
    value = value - jnp.exp(params.log_temperature)[:, None] * log_prob
    return losses.bellman_target(batch.reward, config.discount * batch.discount, value), jax.lax.stop_gradient(out)


def critic_step(config, networks, state, batch, target, next_out, weights, transform):
    """Critics, encoder and task encoder descend the critic loss plus the method's auxiliary loss."""

    def loss(group):
        tasks = networks.encode_tasks(group["task_encoder"])
        features, out = networks.encode(group["encoder"], tasks, batch.observation, batch.carry)
        values = networks.critic(group["critic"], features, batch.action)
        error = losses.critic_loss(values, target, weights)
        auxiliary, metrics = networks.auxiliary(out, next_out)
        metrics = {"critic_loss": error, "q_mean": values.mean(axis=(0, 2)), **metrics}
        return error + auxiliary, metrics

    group = critic_group(state.params)
    gradients, metrics = jax.grad(loss, has_aux=True)(group)
    group, optimizer = descend(transform, gradients, state.optimizers.critic, group)
    return state.params._replace(**group), optimizer, metrics


def actor_step(config, networks, params, optimizer, batch, tasks, noise, weights, transform):
    """The actor's trunk descends `temperature * log pi - min Q`; everything below it is held fixed."""
    temperature = jnp.exp(params.log_temperature)
    features, _ = networks.encode(params.encoder, tasks, batch.observation, batch.carry)
    acting, _ = networks.encode(networks.acting_encoder(params), tasks, batch.observation, batch.carry)

    def loss(actor):
        action, log_prob = policy_at(config, networks, actor, acting).sample(noise)
        value = jnp.min(networks.critic(params.critic, features, action), axis=0)
        return losses.actor_loss(log_prob, value, temperature, weights), log_prob

    (error, log_prob), gradients = jax.value_and_grad(loss, has_aux=True)(params.actor)
    actor, optimizer = descend(transform, gradients, optimizer, params.actor)
    return params._replace(actor=actor), optimizer, log_prob, {"actor_loss": error, "entropy": -log_prob.mean(axis=1)}


def temperature_step(config, params, optimizer, log_prob, action_dim, transform):
    """Each task's temperature moves its policy's entropy towards the target."""
    target_entropy = config.target_entropy * action_dim
    error, gradient = jax.value_and_grad(losses.temperature_loss)(params.log_temperature, log_prob, target_entropy)
    log_temperature, optimizer = descend(transform, gradient, optimizer, params.log_temperature)
    metrics = {"temperature_loss": error, "temperature": jnp.exp(log_temperature)}
    return params._replace(log_temperature=log_temperature), optimizer, metrics


def follow(config: Config, targets: Targets, params: Parameters) -> Targets:
    """The target copies take one step towards the parameters."""
    return Targets(
        optax.incremental_update(params.critic, targets.critic, config.target_rate),
        optax.incremental_update(params.encoder, targets.encoder, config.encoder_target_rate),
    )


def policy_at(config: Config, networks: Networks, actor: Any, features: Any) -> TanhGaussian:
    """The policy's distribution at a representation."""
    mean, raw = jnp.split(networks.policy(actor, features), 2, axis=-1)
    return TanhGaussian(mean, LOG_STD_MODES[config.log_std_mode](raw))


def critic_group(params: Parameters) -> dict[str, Any]:
    """The parameters that the critic loss trains."""
    return {"critic": params.critic, "encoder": params.encoder, "task_encoder": params.task_encoder}


def transforms(config: Config) -> tuple[optax.GradientTransformation, ...]:
    """Adam for critics (with the encoders), actor and temperatures, in this order."""
    rates = config.critic_learning_rate, config.actor_learning_rate, config.temperature_learning_rate
    if not config.max_gradient_norm:
        return tuple(optax.adam(rate) for rate in rates)
    clip = optax.clip_by_global_norm(config.max_gradient_norm)
    return tuple(optax.chain(clip, optax.adam(rate)) for rate in rates)


def descend(transform: optax.GradientTransformation, gradients: Any, optimizer: Any, params: Any) -> tuple[Any, Any]:
    """One optimiser step: the new parameters and the new optimiser state."""
    with jax.numpy_dtype_promotion("standard"):  # optax raises a float to an integer power
        updates, optimizer = transform.update(gradients, optimizer, params)
        return optax.apply_updates(params, updates), optimizer


def draw_noise(key: Array, like: Array) -> Noise:
    """Fresh noise for one update over actions like `like` `[N, B, A]`."""
    next_key, key = jax.random.split(key)
    return Noise(jax.random.normal(next_key, like.shape, like.dtype), jax.random.normal(key, like.shape, like.dtype))
