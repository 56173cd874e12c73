"""Two kinds of critics, of the dense reward and of success: the base's critic function over parameters `[2, ...]`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax import sac
from cmta_jax.methods.tsac import losses
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.rewards import FORMS
from cmta_jax.types import Array, Metrics, Transition


class Judged(NamedTuple):
    """What both kinds of critics say of one executed action per row, the smallest critic of each kind."""

    action: Array  # [N, B, A]
    values: Array  # [2, N, B]
    slopes: Array  # [2, N, B, A], gradients of the values with respect to the action


def doubled(networks: sac.Networks, sparse_trains_encoder: bool) -> sac.Networks:
    """The base's pieces with values `[2, E, N, B]`; the second kind may be kept from training what it reads."""

    def shared(critic, features, action):
        return jax.vmap(networks.critic, (0, None, None))(critic, features, action)

    def apart(critic, features, action):
        pair = jax.tree.map(lambda leaf: jnp.stack([leaf, jax.lax.stop_gradient(leaf)]), features)
        return jax.vmap(networks.critic, (0, 0, None))(critic, pair, action)

    return networks._replace(critic=shared if sparse_trains_encoder else apart)


def judge(networks: sac.Networks, critic: Any, features: Any, action: Array) -> Judged:
    """Values and slopes at an action, all constants."""
    value_and_slope = jax.vmap(lambda critic: sac.value_and_slope(networks, critic, features, action))
    return Judged(jax.lax.stop_gradient(action), *value_and_slope(critic))


def dense_value(networks: sac.Networks, critic: Any, features: Any, action: Array) -> Array:
    """The smallest dense critic's value `[N, B]`."""
    return jnp.min(networks.critic(jax.tree.map(lambda leaf: leaf[0], critic), features, action), axis=0)


def targets(
    config: Config, params: sac.Parameters, batch: Transition, values: Array, log_prob: Array
) -> tuple[Array, Array]:
    """`y` of both kinds, `[N, B]` each, from the values `[2, N, B]` of the next executed action.

    The dense kind keeps the entropy of the proposing policy, without which the wrapped base were not the base; the
    other kind counts success alone.
    """
    if not config.entropy_in_target:
        log_prob = jnp.zeros_like(log_prob)
    form = FORMS[config.correction_reward]
    discount = config.discount * form.discount(batch)
    sparse = losses.sparse_target(form.reward(batch), discount, values[1], *form.bounds(config.discount))
    return sac.soft_target(config, params, batch, values[0], log_prob), sparse


def errors(values: Array, targets: tuple[Array, Array], weights: Array) -> tuple[Array, Metrics]:
    """The sum of both kinds' losses for values `[2, E, N, B]`, and what to log of them."""
    dense, metrics = sac.critic_error(values[0], targets[0], weights)
    sparse, sparse_metrics = sac.critic_error(values[1], targets[1], weights)
    return dense + sparse, metrics | {f"sparse_{name}": value for name, value in sparse_metrics.items()}
