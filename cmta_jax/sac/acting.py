"""From observations to actions."""

from typing import Any

import jax
import jax.numpy as jnp

from cmta_jax.distributions import LOG_STD_MODES, TanhGaussian
from cmta_jax.networks.lstm import reset_where
from cmta_jax.sac.state import Config, Networks, Parameters
from cmta_jax.types import Array, Carry


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


def policy_at(config: Config, networks: Networks, actor: Any, features: Any) -> TanhGaussian:
    """The policy's distribution at a representation."""
    return squashed(config, networks.policy(actor, features))


def squashed(config: Config, output: Array) -> TanhGaussian:
    """The distribution that a policy network's output `[..., 2A]` stands for."""
    mean, raw = jnp.split(output, 2, axis=-1)
    return TanhGaussian(mean, LOG_STD_MODES[config.log_std_mode](raw))
