"""From observations to actions."""

import jax
import jax.numpy as jnp

from cmta_jax.distributions import LOG_STD_MODES, TanhGaussian
from cmta_jax.networks.lstm import reset_where
from cmta_jax.sac.state import Algorithm, Config, Networks, Parameters, Representation
from cmta_jax.types import Act, Array, Carry, Params


def acting(algorithm: Algorithm) -> Act:
    """The function `act` of a method (`types.Act`; paper Algorithm 1, lines 4 to 10)."""
    config, networks = algorithm

    def act(
        params: Parameters, carry: Carry, observation: Array, first: Array, key: Array, explore: bool | Array
    ) -> tuple[Array, Carry, Carry]:
        carry, representation, next_carry = perceive(networks, params, carry, observation, first)
        return choose(policy_at(config, networks, params.actor, representation), key, explore), carry, next_carry

    return act


def perceive(
    networks: Networks, params: Parameters, carry: Carry, observation: Array, first: Array
) -> tuple[Carry, Representation, Carry]:
    """The carry before the step, what the policy reads, and the carry after the step; arguments as in `types.Act`."""
    carry = reset_where(first, carry)
    tasks = networks.encode_tasks(params.task_encoder)
    representation, intermediates = networks.encode(networks.acting_encoder(params), tasks, observation, carry)
    return carry, representation, intermediates.carry


def choose(policy: TanhGaussian, key: Array, explore: bool | Array) -> Array:
    """A sample of the policy, or its mode: `[N, C, A]`."""
    action, _ = policy.sample(jax.random.normal(key, policy.mean.shape, policy.mean.dtype))
    return jnp.where(explore, action, policy.mode())


def policy_at(config: Config, networks: Networks, actor: Params, representation: Representation) -> TanhGaussian:
    """The policy's distribution, given the actor's parameters and what it reads."""
    return squashed(config, networks.policy(actor, representation))


def squashed(config: Config, output: Array) -> TanhGaussian:
    """The distribution that a policy network's output `[..., 2A]` stands for."""
    mean, raw = jnp.split(output, 2, axis=-1)
    return TanhGaussian(mean, LOG_STD_MODES[config.log_std_mode](raw))
