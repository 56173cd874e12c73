"""What a policy's encoder tells about itself while the policy acts: attention and the experts' encodings."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from cmta_jax.networks.mixture import MixtureIntermediates
from cmta_jax.random_keys import random_key

if TYPE_CHECKING:
    from cmta_jax.runs.policy import Policy


def telling(policy: "Policy", encoder: str = "actor") -> Callable[..., tuple[Any, Any, Any]]:
    """Acting with intermediates: `(params, carry, observation, first) -> action, carry, intermediates`.

    The intermediates are `(attention [S, N, C, K], experts [S, N, C, K, F])`, or `()` for a method without experts. The
    critics' encoder gets the carry that the actor's encoder wrote, as in training.

    Args:
        encoder: `actor` or `critics`; they differ with `actor_encoder=frozen_random` only.
    """

    def act(params, carry, observation, first):
        networks = policy.method.networks
        action, before, after = policy.method.act(params, carry, observation, first, random_key(0), False)
        base = getattr(params, "base", params)  # TSAC keeps the parameters of the method that it wraps there
        tasks = networks.encode_tasks(base.task_encoder)
        chosen = networks.acting_encoder(base) if encoder == "actor" else base.encoder
        _, intermediates = networks.encode(chosen, tasks, observation, before)
        if not isinstance(intermediates, MixtureIntermediates):
            return action, after, ()
        return action, after, (intermediates.attention, jnp.moveaxis(intermediates.experts, 0, 2))

    return policy.compile(act)
