"""Two kinds of critics, of the dense reward and of success: the base's critic function over parameters `[2, ...]`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax import sac
from cmta_jax.methods.tsac import losses
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.rewards import FORMS
from cmta_jax.sac.state import Representation
from cmta_jax.sac.steps import LinearisedQ, linearised_q, soft_target
from cmta_jax.sac.values import critic_error, reduced, values_of
from cmta_jax.types import Array, Metrics, Params, Transition


class Kinds(NamedTuple):
    """The same quantity for both kinds of critics."""

    dense: Array
    sparse: Array


class Judged(NamedTuple):
    """The smallest critic of each kind around one executed action per row."""

    action: Array  # [N, B, A]
    dense: LinearisedQ
    sparse: LinearisedQ


def doubled(networks: sac.Networks, sparse_trains_encoder: bool) -> sac.Networks:
    """The base's pieces with two kinds of critics, hence with outputs `[2, E, N, B]` or `[2, E, N, B, M]`.

    Args:
        sparse_trains_encoder: whether the second kind trains what it reads.
    """

    def shared(critic: Params, representation: Representation, action: Array) -> Array:
        return jax.vmap(networks.critic, (0, None, None))(critic, representation, action)

    def apart(critic: Params, representation: Representation, action: Array) -> Array:
        pair = jax.tree.map(lambda leaf: jnp.stack([leaf, jax.lax.stop_gradient(leaf)]), representation)
        return jax.vmap(networks.critic, (0, 0, None))(critic, pair, action)

    return networks._replace(critic=shared if sparse_trains_encoder else apart)


def judge(algorithm: sac.Algorithm, critic: Params, representation: Representation, action: Array) -> Judged:
    """Both kinds of critics around an action `[N, B, A]`, all constants.

    Args:
        critic: parameters `[2, ...]`: those of the dense reward, those of success.
        representation: what the critics read, leaves `[N, B, ...]`.
    """
    both = jax.vmap(lambda critic: linearised_q(algorithm, critic, representation, action))(critic)
    dense, sparse = (LinearisedQ(both.value[kind], both.slope[kind]) for kind in (0, 1))
    return Judged(jax.lax.stop_gradient(action), dense, sparse)


def dense_value(algorithm: sac.Algorithm, critic: Params, representation: Representation, action: Array) -> Array:
    """The smallest dense critic's value `[N, B]` at an action `[N, B, A]`; `critic` is `[2, ...]`."""
    config, networks = algorithm
    outputs = networks.critic(jax.tree.map(lambda leaf: leaf[0], critic), representation, action)
    return reduced(config, values_of(config, outputs))


def targets(config: Config, params: sac.Parameters, batch: Transition, values: Kinds, log_prob: Array) -> Kinds:
    """`y` of both kinds, `[N, B]` each.

    The dense kind keeps the entropy of the proposing policy, as the base does alone; the other kind counts success
    alone.

    Args:
        batch: leaves `[N, B, ...]`.
        values: smallest values of the next executed action, `[N, B]` each.
        log_prob: of the next proposed action, `[N, B]`.
    """
    if not config.entropy_in_target:
        log_prob = jnp.zeros_like(log_prob)
    form = FORMS[config.correction_reward]
    discount = config.discount * form.discount(batch)
    sparse = losses.sparse_target(form.reward(batch), discount, values.sparse, form.bounds(config.discount))
    return Kinds(soft_target(config, params, batch, values.dense, log_prob), sparse)


def errors(config: Config, outputs: Array, targets: Kinds, weights: Array) -> tuple[Array, Metrics]:
    """The sum of both kinds' losses, a scalar, and what to log.

    Args:
        outputs: `[2, E, N, B]`, or `[2, E, N, B, M]`.
        targets: `[N, B]` each.
        weights: of the tasks, `[N]`.
    """
    dense, metrics = critic_error(config, outputs[0], targets.dense, weights)
    sparse, sparse_metrics = critic_error(config, outputs[1], targets.sparse, weights)
    return dense + sparse, metrics | {f"sparse_{name}": value for name, value in sparse_metrics.items()}
