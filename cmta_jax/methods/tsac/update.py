"""One update of TSAC: the base's steps with edited actions and doubled critics, and the correction policy's own.

The order is that of docs/methods.md, 6.3: critics (with the base's encoders and auxiliary loss), proposing policy,
correction policy, both temperatures, targets. The multiplier moves between episodes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax import sac
from cmta_jax.methods.tsac import critics, multiplier, running_mean
from cmta_jax.methods.tsac.policies import Case, Editor, correction_step
from cmta_jax.methods.tsac.state import STREAM, LearnerState
from cmta_jax.types import Array, Metrics, Transition

MEMORY = 0.99  # share of older updates in the running size of the dense values
VISIBLE = 0.1  # an action counts as edited if a component moved by more than a twentieth of its range


class Noise(NamedTuple):
    """Standard normal noise of one update."""

    proposal: sac.Noise
    correction: sac.Noise


def draw_noise(key: Array, like: Array) -> Noise:
    """The base draws what it draws alone."""
    return Noise(sac.draw_noise(key, like), sac.draw_noise(jax.random.fold_in(key, STREAM), like))


def update(
    editor: Editor, networks: sac.Networks, state: LearnerState, batch: Transition, noise: Noise
) -> tuple[LearnerState, Metrics]:
    """One gradient step of everything but the multiplier."""
    transforms = sac.transforms(editor.config)
    fixed = sac.before_update(networks, state.base.params)
    state, critic_metrics = critics_learn(editor, networks, state, batch, noise, fixed, transforms[0])
    state, case, log_probs, policy_metrics = policies_learn(editor, networks, state, batch, noise, fixed, transforms[1])
    state, temperature_metrics = temperatures_learn(editor, state, log_probs, transforms[2])
    state = state._replace(targets=sac.follow(editor.config, state.targets, state.params.base))
    return state, critic_metrics | policy_metrics | temperature_metrics | watched(state, case)


def critics_learn(editor, networks, state, batch, noise, fixed, transform):
    """Both kinds of critics, with the base's encoders and its auxiliary loss."""
    config, (tasks, weights) = editor.config, fixed
    doubled = critics.doubled(networks, config.sparse_trains_encoder)

    def executed(acting, proposal):
        return editor.edit(state.params.correction, acting, proposal, noise.correction.next_action)[0]

    values, log_prob, next_out = sac.next_value(
        config, doubled, state.base, batch, tasks, noise.proposal.next_action, executed
    )
    targets = critics.targets(config, state.base.params, batch, values, log_prob)
    base, optimizer, metrics = sac.critic_step(
        doubled, state.base, batch, next_out, transform, lambda values: critics.errors(values, targets, weights)
    )
    return state.with_base(base, critic=optimizer), metrics


def policies_learn(editor, networks, state, batch, noise, fixed, transform):
    """The proposing policy, through the edit and the correction policy; then the correction policy itself."""
    config, base, own, (tasks, weights) = editor.config, state.base.params, state.params.correction, fixed
    features, acting = sac.representations(networks, base, batch, tasks)

    def objective(proposal):
        action, _ = editor.edit(own, acting, proposal, noise.correction.action)
        judged = critics.judge(networks, base.critic, features, action)
        return sac.along(judged.values[0], judged.slopes[0], action), judged

    optimizer = state.base.optimizers.actor
    base, optimizer, drawn, metrics = sac.actor_step(
        config, networks, base, optimizer, acting, objective, noise.proposal.action, weights, transform
    )
    size = running_mean.add(state.size, jnp.abs(drawn.story.values[0]).mean(axis=1), MEMORY)
    proposed_value = critics.dense_value(networks, base.critic, features, drawn.action)
    case = Case(acting, drawn.action, proposed_value, drawn.story, size, multiplier.value(state.multiplier), weights)
    own, own_optimizer, log_prob, own_metrics = correction_step(
        editor, own, state.optimizers.correction, state.params.log_temperature, case, noise.correction.action, transform
    )
    state = state.with_base(base, actor=optimizer)._replace(size=size)
    state = state._replace(
        params=state.params._replace(correction=own), optimizers=state.optimizers._replace(correction=own_optimizer)
    )
    return state, case, (drawn.log_prob, log_prob), metrics | prefixed(own_metrics)


def temperatures_learn(editor, state, log_probs, transform):
    """A temperature per task for either policy, by the same rule."""
    config, action_dim = editor.config, editor.module.action_dim
    value, optimizer, metrics = sac.temperature_step(
        state.base.params.log_temperature, state.base.optimizers.temperature, log_probs[0],
        config.target_entropy * action_dim, transform,
    )  # fmt: skip
    own, own_optimizer, own_metrics = sac.temperature_step(
        state.params.log_temperature, state.optimizers.temperature, log_probs[1],
        config.correction_target_entropy * action_dim, transform,
    )  # fmt: skip
    state = state.with_base(state.base.params._replace(log_temperature=value), temperature=optimizer)
    return state._replace(
        params=state.params._replace(log_temperature=own),
        optimizers=state.optimizers._replace(temperature=own_optimizer),
    ), metrics | prefixed(own_metrics)


def watched(state: LearnerState, case: Case) -> Metrics:
    """What to log of the multiplier and of the edits, per task `[N]`."""
    change = jnp.abs(case.judged.action - case.proposal)
    return {
        "multiplier": multiplier.value(state.multiplier),
        "on_policy_success": running_mean.mean(state.multiplier.success),
        "edited_share": (change.max(axis=-1) > VISIBLE).astype(change.dtype).mean(axis=1),
        "edit_size": change.mean(axis=(1, 2)),
    }


def prefixed(metrics: Metrics) -> Metrics:
    return {f"correction_{name}": value for name, value in metrics.items()}
