"""The correction policy: how it edits the proposed action, and its step (docs/methods.md, 6.3)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from cmta_jax import sac
from cmta_jax.distributions import TanhGaussian
from cmta_jax.methods.tsac import losses, running_mean
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.critics import Judged
from cmta_jax.methods.tsac.rewards import FORMS
from cmta_jax.methods.tsac.running_mean import RunningMean
from cmta_jax.networks.correction import Correction
from cmta_jax.types import Array, Metrics

SMALLEST_SIZE = 1e-3


class Editor(NamedTuple):
    """The correction policy's module and the settings it is read with."""

    config: Config
    module: Correction

    def policy(self, params: Any, features: Any, proposal: Array) -> TanhGaussian:
        """The distribution of corrections at a representation and a proposed action `[N, B, A]`."""
        return sac.squashed(self.config, self.module.apply(params, features, proposal))

    def edit(self, params: Any, features: Any, proposal: Array, noise: Array) -> tuple[Array, Array]:
        """The executed action `[N, B, A]` for a sampled correction, and the correction's log density `[N, B]`."""
        correction, log_prob = self.policy(params, features, proposal).sample(noise)
        return self.executed(proposal, correction), log_prob

    def executed(self, proposal: Array, correction: Array) -> Array:
        """The executed action."""
        return losses.edit(proposal, correction, self.config.edit_range, self.config.clip)


class Case(NamedTuple):
    """What the correction policy learns from: proposed actions, and what became of them."""

    features: Any  # what policies read
    proposal: Array  # [N, B, A], of the proposing policy, a constant
    proposed_value: Array  # [N, B], dense value of the proposal
    judged: Judged  # of the edited action
    size: RunningMean  # [N], of the dense values
    multiplier: Array  # [N]
    weights: Array  # [N]


def correction_step(
    editor: Editor, params: Any, optimizer: optax.OptState, log_temperature: Array, case: Case, noise: Array, transform
) -> tuple[Any, optax.OptState, Array, Metrics]:
    """The correction policy descends its loss; everything else is held fixed."""

    def loss(params):
        action, log_prob = editor.edit(params, case.features, case.proposal, noise)
        distance, success = distance_and_success(editor.config, case, action)
        temperature = jnp.exp(log_temperature)
        return (
            losses.correction_loss(log_prob, distance, success, temperature, case.multiplier, case.weights),
            log_prob,
        )

    (error, log_prob), gradients = jax.value_and_grad(loss, has_aux=True)(params)
    params, optimizer = sac.descend(transform, gradients, optimizer, params)
    return params, optimizer, log_prob, {"loss": error, "entropy": -log_prob.mean(axis=1)}


def distance_and_success(config: Config, case: Case, action: Array) -> tuple[Array, Array]:
    """The price of the edit and its gain, `[N, B]` each, both of order one if normalised."""
    size = jnp.maximum(running_mean.mean(case.size), SMALLEST_SIZE)[:, None]
    low, high = FORMS[config.correction_reward].bounds(config.discount)
    success = sac.along(case.judged.values[1], case.judged.slopes[1], action)
    if config.normalize:
        success = success / (size if config.correction_reward == "dense" else high - low)
    if config.distance == "mse":
        return losses.squared_distance(case.proposal, action), success
    value = sac.along(case.judged.values[0], case.judged.slopes[0], action)
    distance = losses.hinge_distance(case.proposed_value, value)
    return distance / size if config.normalize else distance, success
