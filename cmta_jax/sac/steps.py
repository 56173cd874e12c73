"""The steps of an update, for `update` and for wrappers that put them together in another way (TSAC)."""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax

from cmta_jax import losses
from cmta_jax.sac.acting import policy_at
from cmta_jax.sac.optimisers import critic_group, descend, transforms
from cmta_jax.sac.state import (
    Algorithm,
    Config,
    Intermediates,
    LearnerState,
    Networks,
    Parameters,
    Representation,
    Targets,
)
from cmta_jax.sac.values import reduced, values_of
from cmta_jax.types import Array, Metrics, Params, Transition


class Fixed(NamedTuple):
    """What an update reads from the parameters before it and holds constant."""

    tasks: Array  # [N, Z], task encodings
    weights: Array  # [N], weight of each task in the losses


def before_update(networks: Networks, params: Parameters) -> Fixed:
    """Task encodings and task weights, without gradient."""
    fixed = Fixed(networks.encode_tasks(params.task_encoder), networks.task_weights(params.log_temperature))
    return jax.lax.stop_gradient(fixed)


def propose_next(
    algorithm: Algorithm, params: Parameters, batch: Transition, tasks: Array, noise: Array
) -> tuple[Representation, Array, Array]:
    """The actor at the next observations.

    Args:
        batch: leaves `[N, B, ...]`.
        tasks: task encodings `[N, Z]`.
        noise: standard normal `[N, B, A]`.

    Returns:
        What the actor reads there; the actions that it samples `[N, B, A]`; their log density `[N, B]`.
    """
    config, networks = algorithm
    representation, _ = networks.encode(
        networks.acting_encoder(params), tasks, batch.next_observation, batch.next_carry
    )
    return representation, *policy_at(config, networks, params.actor, representation).sample(noise)


def target_values(
    algorithm: Algorithm, targets: Targets, batch: Transition, tasks: Array, action: Array
) -> tuple[Array, Intermediates]:
    """The target critics at the next observations and `action` `[N, B, A]`.

    Returns:
        Values `[E, N, B]`; the target encoder's intermediates as constants, among them the positive keys of Eq. 3.
    """
    config, networks = algorithm
    representation, intermediates = networks.encode(targets.encoder, tasks, batch.next_observation, batch.next_carry)
    values = values_of(config, networks.critic(targets.critic, representation, action))
    return values, jax.lax.stop_gradient(intermediates)  # Deviation 7: the target encoder's, without gradient


def soft_target(config: Config, params: Parameters, batch: Transition, value: Array, log_prob: Array) -> Array:
    """The critics' target: reward, discounted value of the next state and entropy of the policy there.

    Args:
        batch: `reward` and `discount` are `[N, B]`.
        value: of the next state and action, `[N, B]`.
        log_prob: of the next action, `[N, B]`.

    Returns:
        `y` `[N, B]`, without gradient.
    """
    value = value - jnp.exp(params.log_temperature)[:, None] * log_prob
    return losses.bellman_target(batch.reward, config.discount * batch.discount, value)


class Error(Protocol):
    """Outputs of all critics at the batch -> their loss (a scalar), and what to log of it."""

    def __call__(self, outputs: Array, /) -> tuple[Array, Metrics]: ...


def critic_step(
    algorithm: Algorithm, state: LearnerState, batch: Transition, error: Error, next_intermediates: Intermediates
) -> tuple[LearnerState, Metrics]:
    """Critics, encoder and task encoder descend the critics' loss plus the method's auxiliary loss.

    Args:
        batch: leaves `[N, B, ...]`.
        error: the loss of the critics' outputs `[E, N, B]`, or `[E, N, B, M]`.
        next_intermediates: the target encoder's, for the auxiliary loss.
    """
    config, networks = algorithm

    def loss(group: dict[str, Any]) -> tuple[Array, Metrics]:
        tasks = networks.encode_tasks(group["task_encoder"])
        representation, intermediates = networks.encode(group["encoder"], tasks, batch.observation, batch.carry)
        error_, metrics = error(networks.critic(group["critic"], representation, batch.action))
        auxiliary, auxiliary_metrics = networks.auxiliary(intermediates, next_intermediates)
        return error_ + auxiliary, {**metrics, **auxiliary_metrics}  # Eq. 12; Deviation 8: one loss, one Adam step

    group = critic_group(state.params)
    gradients, metrics = jax.grad(loss, has_aux=True)(group)
    transform, scale = transforms(config).critic, networks.scale_updates
    group, optimizer = descend(transform, gradients, state.optimizers.critic, group, scale)
    params, optimizers = state.params._replace(**group), state.optimizers._replace(critic=optimizer)
    return state._replace(params=params, optimizers=optimizers), metrics  # Algorithm 1, lines 17 and 19


class Representations(NamedTuple):
    """The same, unless the actor has an encoder of its own."""

    critics: Representation
    actor: Representation


def representations(networks: Networks, params: Parameters, batch: Transition, tasks: Array) -> Representations:
    """What critics and actor read at the batch's observations, given task encodings `[N, Z]`."""
    encoders = params.encoder, networks.acting_encoder(params)
    return Representations(*(networks.encode(each, tasks, batch.observation, batch.carry)[0] for each in encoders))


class LinearisedQ(NamedTuple):
    """A first-order model of `Q` around one action per row: constants.

    As a function of the action its gradient is `slope`, whatever the action; at the action that it was made at, its
    value is `Q` there. Several policies may ascend one model, at the cost of one pass through the critics.
    """

    value: Array  # [..., N, B]
    slope: Array  # [..., N, B, A]

    def __call__(self, action: Array) -> Array:
        """Value `[N, B]` and gradient at `action` `[N, B, A]`, which must equal the action of the model."""
        return self.value + jnp.sum(self.slope * (action - jax.lax.stop_gradient(action)), axis=-1)


def linearised_q(algorithm: Algorithm, critic: Params, representation: Representation, action: Array) -> LinearisedQ:
    """`min_i Q_i` `[N, B]` of the critics at an action `[N, B, A]`, and its gradient with respect to the action."""
    config, networks = algorithm

    def of_all_critics(action: Array) -> Array:
        return reduced(config, values_of(config, networks.critic(critic, representation, action)))

    value, pull_back = jax.vjp(of_all_critics, jax.lax.stop_gradient(action))
    return jax.lax.stop_gradient(LinearisedQ(value, *pull_back(jnp.ones_like(value))))


class Drawn(NamedTuple):
    """What the actor did in its step."""

    action: Array  # [N, B, A], sampled
    log_prob: Array  # [N, B]
    intermediates: Any  # what the objective returned besides its value


class Objective(Protocol):
    """Actions `[N, B, A]` -> a value `[N, B]`, differentiable in the action, and anything else."""

    def __call__(self, action: Array, /) -> tuple[Array, Any]: ...


def actor_step(
    algorithm: Algorithm,
    state: LearnerState,
    representation: Representation,
    objective: Objective,
    noise: Array,
    weights: Array,
) -> tuple[LearnerState, Drawn, Metrics]:
    """The actor descends `temperature * log pi(a) - objective(a)`; everything that it reads is held constant.

    Args:
        representation: what the actor reads, leaves `[N, B, ...]`.
        objective: what the actor ascends.
        noise: standard normal `[N, B, A]`.
        weights: of the tasks, `[N]`.
    """
    config, networks = algorithm
    temperature = jnp.exp(state.params.log_temperature)

    def loss(actor: Params) -> tuple[Array, Drawn]:
        action, log_prob = policy_at(config, networks, actor, representation).sample(noise)
        value, intermediates = objective(action)
        return losses.actor_loss(log_prob, value, temperature, weights), Drawn(action, log_prob, intermediates)

    (error, drawn), gradients = jax.value_and_grad(loss, has_aux=True)(state.params.actor)
    actor, optimizer = descend(transforms(config).actor, gradients, state.optimizers.actor, state.params.actor)
    metrics = {"actor_loss": error, "entropy": -drawn.log_prob.mean(axis=1)}
    params, optimizers = state.params._replace(actor=actor), state.optimizers._replace(actor=optimizer)
    return state._replace(params=params, optimizers=optimizers), drawn, metrics  # Algorithm 1, line 18


def temperature_step(
    config: Config, log_temperature: Array, optimizer: optax.OptState, log_prob: Array, target_entropy: float
) -> tuple[Array, optax.OptState, Metrics]:
    """Each task's temperature moves its policy's entropy towards the target.

    Args:
        log_temperature: `[N]`.
        log_prob: of the sampled actions, `[N, B]`.
        target_entropy: in nats.

    Returns:
        The new log temperatures `[N]`, the new optimiser state, what to log.
    """
    error, gradient = jax.value_and_grad(losses.temperature_loss)(log_temperature, log_prob, target_entropy)
    log_temperature, optimizer = descend(transforms(config).temperature, gradient, optimizer, log_temperature)
    return log_temperature, optimizer, {"temperature_loss": error, "temperature": jnp.exp(log_temperature)}
