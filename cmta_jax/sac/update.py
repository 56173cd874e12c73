"""Soft actor-critic for many tasks: the one update that all methods share (paper Algorithm 1, lines 14 to 19).

A method brings `Networks`; `make` turns them into a `Method`. The order inside one update is the reference's: target,
critics (with the encoder, the task encoder and the auxiliary loss), actor against the updated critics, temperatures,
target networks. The task encodings are computed once, from the parameters before the update. TSAC puts the same steps
together in another way (`methods/tsac/update.py`).
"""

import functools

import jax
import jax.numpy as jnp

from cmta_jax.sac.acting import acting
from cmta_jax.sac.optimisers import critic_group, follow, transforms
from cmta_jax.sac.state import Algorithm, Config, LearnerState, Networks, Noise, Optimizers, Parameters, Targets
from cmta_jax.sac.steps import (
    actor_step,
    before_update,
    critic_step,
    linearised_q,
    propose_next,
    representations,
    soft_target,
    target_values,
    temperature_step,
)
from cmta_jax.sac.values import critic_error, reduced
from cmta_jax.types import Array, Method, Metrics, Spec, Transition


def make(config: Config, spec: Spec, networks: Networks) -> Method:
    """A `Method` whose functions close over `config`, `spec` and `networks`, and nothing else.

    Raises:
        ValueError: categorical critics whose bins have no width.
    """
    if config.critic_loss == "categorical" and config.value_min >= config.value_max:
        raise ValueError(
            f"--value_min={config.value_min:g} is not below --value_max={config.value_max:g}: widen the bins."
        )
    algorithm = Algorithm(config, networks)
    return Method(
        init=lambda key: init(algorithm, spec, key),
        begin=networks.begin,
        act=acting(algorithm),
        update=lambda state, batch, key: update(algorithm, state, batch, draw_noise(key, batch.action)),
        networks=networks,
    )


def init(algorithm: Algorithm, spec: Spec, key: Array) -> LearnerState:
    """Fresh parameters, targets equal to them, zero optimiser states."""
    config, networks = algorithm
    log_temperature = jnp.full((spec.num_tasks,), jnp.log(config.initial_temperature), jnp.float32)
    params = Parameters(**networks.init(key), log_temperature=log_temperature)
    critic, actor, temperature = transforms(config)
    return LearnerState(
        params,
        # copies, because a donated buffer must not be two leaves at once
        jax.tree.map(jnp.copy, Targets(params.critic, params.encoder)),
        Optimizers(critic.init(critic_group(params)), actor.init(params.actor), temperature.init(log_temperature)),
    )


def update(algorithm: Algorithm, state: LearnerState, batch: Transition, noise: Noise) -> tuple[LearnerState, Metrics]:
    """One gradient step of everything.

    Args:
        state: the learner state before the step.
        batch: transitions, leaves `[N, B, ...]` (Algorithm 1, line 14).
        noise: standard normal, `[N, B, A]` each.

    Returns:
        The learner state after the step, and what to log: scalars, or one value per task `[N]`.
    """
    config, networks = algorithm
    fixed = before_update(networks, state.params)

    # critics: y = r + gamma (min_i Q_i(s', a') - alpha log pi(a')), a' ~ pi(s')
    _, next_action, next_log_prob = propose_next(algorithm, state.params, batch, fixed.tasks, noise.next_action)
    next_values, next_intermediates = target_values(algorithm, state.targets, batch, fixed.tasks, next_action)
    target = soft_target(config, state.params, batch, reduced(config, next_values), next_log_prob)
    error = functools.partial(critic_error, config, target=target, weights=fixed.weights)
    state, critic_metrics = critic_step(algorithm, state, batch, error, next_intermediates)

    # actor: alpha log pi(a) - min_i Q_i(s, a), a ~ pi(s), against the updated critics
    representation = representations(networks, state.params, batch, fixed.tasks)
    critic = state.params.critic

    def objective(action: Array) -> tuple[Array, None]:
        return linearised_q(algorithm, critic, representation.critics, action)(action), None  # same gradient as Eq. 10

    state, drawn, actor_metrics = actor_step(
        algorithm, state, representation.actor, objective, noise.action, fixed.weights
    )

    # temperatures, then target networks
    log_temperature, optimizer, temperature_metrics = temperature_step(
        config, state.params.log_temperature, state.optimizers.temperature, drawn.log_prob,
        config.target_entropy * batch.action.shape[-1],
    )  # fmt: skip
    params = state.params._replace(log_temperature=log_temperature)
    optimizers = state.optimizers._replace(temperature=optimizer)
    state = LearnerState(params, follow(config, state.targets, params), optimizers)
    return state, {**critic_metrics, **actor_metrics, **temperature_metrics}


def draw_noise(key: Array, like: Array) -> Noise:
    """Fresh noise for one update over actions like `like` `[N, B, A]`."""
    next_key, key = jax.random.split(key)
    return Noise(jax.random.normal(next_key, like.shape, like.dtype), jax.random.normal(key, like.shape, like.dtype))
