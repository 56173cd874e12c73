"""The correction policy: how it edits the proposed action, and its step (docs/methods.md, 6.3)."""

from typing import Any, NamedTuple, cast

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
from cmta_jax.sac.acting import squashed
from cmta_jax.sac.optimisers import descend, transforms
from cmta_jax.sac.state import Representation
from cmta_jax.types import Array, Metrics, Params

SMALLEST_SIZE = 1e-3  # of the dense values, so that nothing is divided by zero


class Algorithm(NamedTuple):
    """Settings, the base's networks, and the correction policy's module, which every step of TSAC needs together."""

    config: Config
    networks: sac.Networks
    module: Correction

    @property
    def base(self) -> sac.Algorithm:
        """The base's algorithm; TSAC's settings are also the base's."""
        return sac.Algorithm(self.config, self.networks)

    def policy(self, params: Params, representation: Representation, proposal: Array) -> TanhGaussian:
        """The distribution of corrections, given what policies read and a proposed action `[N, B, A]`."""
        return squashed(self.config, cast(Array, self.module.apply(params, representation, proposal)))

    def edit(
        self, params: Params, representation: Representation, proposal: Array, noise: Array
    ) -> tuple[Array, Array]:
        """The executed action `[N, B, A]` for a sampled correction, and the correction's log density `[N, B]`.

        Args:
            params: of the correction policy.
            representation: what policies read, leaves `[N, B, ...]`.
            proposal: `[N, B, A]`.
            noise: standard normal `[N, B, A]`.
        """
        correction, log_prob = self.policy(params, representation, proposal).sample(noise)
        return self.executed(proposal, correction), log_prob

    def executed(self, proposal: Array, correction: Array) -> Array:
        """The executed action `[N, B, A]`."""
        return losses.edit(proposal, correction, self.config.edit_range, self.config.clip)


class Case(NamedTuple):
    """What the correction policy learns from: proposed actions, and what became of them."""

    representation: Representation  # what policies read, leaves [N, B, ...]
    proposal: Array  # [N, B, A], of the proposing policy, a constant
    proposed_value: Array  # [N, B], dense value of the proposal
    judged: Judged  # of the edited action
    size: RunningMean  # [N], of the dense values
    multiplier: Array  # [N]
    weights: Array  # [N]


def correction_step(
    algorithm: Algorithm, params: Params, optimizer: optax.OptState, log_temperature: Array, case: Case, noise: Array
) -> tuple[Any, optax.OptState, Array, Metrics]:
    """The correction policy descends its loss; everything else is held constant.

    Args:
        params: of the correction policy.
        log_temperature: of the correction policy, `[N]`.
        noise: standard normal `[N, B, A]`.

    Returns:
        The new parameters, the new optimiser state, the log density of the corrections `[N, B]`, what to log.
    """

    def loss(params: Params) -> tuple[Array, Array]:
        return correction_error(algorithm, params, log_temperature, case, noise)

    (error, log_prob), gradients = jax.value_and_grad(loss, has_aux=True)(params)
    params, optimizer = descend(transforms(algorithm.config).actor, gradients, optimizer, params)
    return params, optimizer, log_prob, {"loss": error, "entropy": -log_prob.mean(axis=1)}


def correction_error(
    algorithm: Algorithm, params: Params, log_temperature: Array, case: Case, noise: Array
) -> tuple[Array, Array]:
    """The correction policy's loss, and the log density of its corrections `[N, B]`; arguments as above."""
    action, log_prob = algorithm.edit(params, case.representation, case.proposal, noise)
    distance, success = distance_and_success(algorithm.config, case, action)
    temperature = jnp.exp(log_temperature)
    return losses.correction_loss(log_prob, distance, success, temperature, case.multiplier, case.weights), log_prob


def distance_and_success(config: Config, case: Case, action: Array) -> tuple[Array, Array]:
    """The price of the edit to `action` `[N, B, A]` and its gain, `[N, B]` each, both of order one if normalised."""
    size = jnp.maximum(running_mean.mean(case.size), SMALLEST_SIZE)[:, None]
    low, high = FORMS[config.correction_reward].bounds(config.discount)
    success = case.judged.sparse(action)
    if config.normalize:
        success = success / (size if config.correction_reward == "dense" else high - low)
    if config.distance == "mse":
        return losses.squared_distance(case.proposal, action), success
    distance = losses.hinge_distance(case.proposed_value, case.judged.dense(action))
    return distance / size if config.normalize else distance, success
