"""One update of TSAC: the base's steps with edited actions and doubled critics, and the correction policy's own.

The order is that of docs/methods.md, 6.3: critics (with the base's encoders and auxiliary loss), proposing policy,
correction policy, both temperatures, targets. The multiplier moves between episodes.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax import sac
from cmta_jax.methods.tsac import critics, multiplier, running_mean
from cmta_jax.methods.tsac.critics import Judged, Kinds
from cmta_jax.methods.tsac.policies import Algorithm, Case, correction_step
from cmta_jax.methods.tsac.state import STREAM, LearnerState
from cmta_jax.sac.optimisers import follow
from cmta_jax.sac.steps import (
    Fixed,
    actor_step,
    before_update,
    critic_step,
    propose_next,
    representations,
    target_values,
    temperature_step,
)
from cmta_jax.sac.values import reduced
from cmta_jax.types import Array, Metrics, Transition

KEEP = 0.99  # share of older updates in the running size of the dense values
VISIBLE = 0.1  # an action counts as edited if a component moved by more than a twentieth of its range


class Noise(NamedTuple):
    """Standard normal noise of one update."""

    proposal: sac.Noise
    correction: sac.Noise


def draw_noise(key: Array, like: Array) -> Noise:
    """Fresh noise over actions like `like` `[N, B, A]`; the base draws the same numbers as it does alone."""
    return Noise(sac.draw_noise(key, like), sac.draw_noise(jax.random.fold_in(key, STREAM), like))


def update(algorithm: Algorithm, state: LearnerState, batch: Transition, noise: Noise) -> tuple[LearnerState, Metrics]:
    """One gradient step of everything but the multiplier.

    Args:
        state: the learner state before the step.
        batch: transitions, leaves `[N, B, ...]`.
        noise: standard normal, `[N, B, A]` each.

    Returns:
        The learner state after the step, and what to log: scalars, or one value per task `[N]`.
    """
    fixed = before_update(algorithm.networks, state.base.params)
    state, critic_metrics = critics_learn(algorithm, state, batch, noise, fixed)
    state, case, log_probs, policy_metrics = policies_learn(algorithm, state, batch, noise, fixed)
    state, temperature_metrics = temperatures_learn(algorithm, state, log_probs)
    state = state._replace(targets=follow(algorithm.config, state.targets, state.params.base))
    return state, critic_metrics | policy_metrics | temperature_metrics | edit_metrics(state, case)


def critics_learn(
    algorithm: Algorithm, state: LearnerState, batch: Transition, noise: Noise, fixed: Fixed
) -> tuple[LearnerState, Metrics]:
    """Both kinds of critics descend their losses, with the base's encoders and its auxiliary loss."""
    config, base = algorithm.config, state.base
    doubled = algorithm.base._replace(networks=critics.doubled(algorithm.networks, config.sparse_trains_encoder))
    representation, proposal, log_prob = propose_next(
        doubled, base.params, batch, fixed.tasks, noise.proposal.next_action
    )
    action, _ = algorithm.edit(state.params.correction, representation, proposal, noise.correction.next_action)
    values, next_intermediates = target_values(doubled, base.targets, batch, fixed.tasks, action)
    smallest = Kinds(*reduced(config, values, axis=1))  # of [2, E, N, B]
    targets = critics.targets(config, base.params, batch, smallest, log_prob)
    error = functools.partial(critics.errors, config, targets=targets, weights=fixed.weights)
    base, metrics = critic_step(doubled, base, batch, error, next_intermediates)
    return state.with_base(base), metrics


class LogProbs(NamedTuple):
    """Log densities of the sampled actions of both policies, `[N, B]` each."""

    proposal: Array
    correction: Array


def policies_learn(
    algorithm: Algorithm, state: LearnerState, batch: Transition, noise: Noise, fixed: Fixed
) -> tuple[LearnerState, Case, LogProbs, Metrics]:
    """The proposing policy, through the edit and the correction policy; then the correction policy itself.

    Returns:
        The new state; what the correction policy learned from; log densities of both policies; what to log.
    """
    networks, critic, correction = algorithm.networks, state.base.params.critic, state.params.correction
    representation = representations(networks, state.base.params, batch, fixed.tasks)

    def objective(proposal: Array) -> tuple[Array, Judged]:
        action, _ = algorithm.edit(correction, representation.actor, proposal, noise.correction.action)
        judged = critics.judge(algorithm.base, critic, representation.critics, action)
        return judged.dense(action), judged  # same gradient as Eq. 10, of the edited action

    base, drawn, metrics = actor_step(
        algorithm.base, state.base, representation.actor, objective, noise.proposal.action, fixed.weights
    )
    judged = drawn.intermediates
    size = running_mean.add(state.size, jnp.abs(judged.dense.value).mean(axis=1), KEEP)
    proposed_value = critics.dense_value(algorithm.base, critic, representation.critics, drawn.action)
    weight = multiplier.value(state.multiplier)
    case = Case(representation.actor, drawn.action, proposed_value, judged, size, weight, fixed.weights)
    correction, optimizer, log_prob, correction_metrics = correction_step(
        algorithm, correction, state.optimizers.correction, state.params.log_temperature, case, noise.correction.action
    )
    state = state.with_base(base)
    state = state._replace(
        params=state.params._replace(correction=correction),
        optimizers=state.optimizers._replace(correction=optimizer),
        size=size,
    )
    return state, case, LogProbs(drawn.log_prob, log_prob), metrics | prefixed(correction_metrics)


def temperatures_learn(algorithm: Algorithm, state: LearnerState, log_probs: LogProbs) -> tuple[LearnerState, Metrics]:
    """A temperature per task for either policy, by the same rule."""
    config, action_dim, base = algorithm.config, algorithm.module.action_dim, state.base
    value, optimizer, metrics = temperature_step(
        config, base.params.log_temperature, base.optimizers.temperature, log_probs.proposal,
        config.target_entropy * action_dim,
    )  # fmt: skip
    state = state.with_base(
        base._replace(
            params=base.params._replace(log_temperature=value),
            optimizers=base.optimizers._replace(temperature=optimizer),
        )
    )
    value, optimizer, correction_metrics = temperature_step(
        config, state.params.log_temperature, state.optimizers.temperature, log_probs.correction,
        config.correction_target_entropy * action_dim,
    )  # fmt: skip
    state = state._replace(
        params=state.params._replace(log_temperature=value),
        optimizers=state.optimizers._replace(temperature=optimizer),
    )
    return state, metrics | prefixed(correction_metrics)


def edit_metrics(state: LearnerState, case: Case) -> Metrics:
    """What to log of the multiplier and of the edits, per task `[N]`."""
    change = jnp.abs(case.judged.action - case.proposal)
    return {
        "multiplier": multiplier.value(state.multiplier),
        "on_policy_success": running_mean.mean(state.multiplier.success),
        "edited_share": (change.max(axis=-1) > VISIBLE).astype(change.dtype).mean(axis=1),
        "edit_size": change.mean(axis=(1, 2)),
    }


def prefixed(metrics: Metrics) -> Metrics:
    """The same values under names that begin with `correction_`."""
    return {f"correction_{name}": value for name, value in metrics.items()}
