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
    carry, features, next_carry = perceive(networks, params, carry, observation, first)
    return choose(policy_at(config, networks, params.actor, features), key, explore), carry, next_carry


def perceive(
    networks: Networks, params: Parameters, carry: Carry, observation: Array, first: Array
) -> tuple[Carry, Any, Carry]:
    """The memory before the step, what the policy reads, and the memory after the step; arguments as in `act`."""
    carry = reset_where(first, carry)
    tasks = networks.encode_tasks(params.task_encoder)
    features, out = networks.encode(networks.acting_encoder(params), tasks, observation, carry)
    return carry, features, out.carry


def choose(policy: TanhGaussian, key: Array, explore: bool | Array) -> Array:
    """A sample of the policy, or its mode."""
    action, _ = policy.sample(jax.random.normal(key, policy.mean.shape, policy.mean.dtype))
    return jnp.where(explore, action, policy.mode())


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
    """`y` `[N, B]`: reward, discounted value of the next state and entropy of the policy there (BUILD_NOTES 1.2)."""
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
    group, optimizer = descend(transform, gradients, state.optimizers.critic, group)
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


def follow(config: Config, targets: Targets, params: Parameters) -> Targets:
    """The target copies take one step towards the parameters."""
    return Targets(
        optax.incremental_update(params.critic, targets.critic, config.target_rate),
        optax.incremental_update(params.encoder, targets.encoder, config.encoder_target_rate),
    )


def policy_at(config: Config, networks: Networks, actor: Any, features: Any) -> TanhGaussian:
    """The policy's distribution at a representation."""
    return squashed(config, networks.policy(actor, features))


def squashed(config: Config, output: Array) -> TanhGaussian:
    """The distribution that a policy network's output `[..., 2A]` stands for."""
    mean, raw = jnp.split(output, 2, axis=-1)
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
