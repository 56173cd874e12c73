"""A trained policy that acts: on the lanes of a pool, with the mean action or a sampled one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.training.seed_axis import for_each_seed, spread
from experiments.policies.trained import Trained

SAMPLING = 2**31 - 2  # marks the random stream of sampled evaluations


class Player(NamedTuple):
    """What `evaluation.evaluate` acts with; its carry is (keys `[S]`, memory `[S, N, C, ...]`)."""

    act: Callable[..., tuple[Any, Any]]  # (params, carry, observation [S, N, C, D], first) -> action, carry
    begin: Callable[[int, int], Any]  # (copies, number of the episode) -> carry


def player(trained: Trained, sample: bool) -> Player:
    """The policies of all seeds.

    Args:
        sample: draw actions from the policy; otherwise its mean action, which repeats an episode exactly.
    """

    def act(params, carry, observation, first):
        key, now = jax.random.split(carry[0])
        action, _, memory = trained.method.act(params, carry[1], observation, first, now, sample)
        return action, (key, memory)

    def begin(copies: int, episode: int):
        streams = [jax.random.fold_in(jax.random.key(seed), SAMPLING) for seed in trained.seeds]
        keys = [jax.random.fold_in(stream, episode) for stream in streams]
        memory = trained.method.begin(copies)
        return jnp.stack(keys), jax.tree.map(lambda leaf: jnp.stack([leaf] * len(keys)), memory)

    return Player(for_each_policy(act, trained), begin)


def for_each_policy(function: Callable, trained: Trained) -> Callable:
    """`function` of one seed, compiled for all of `trained`: its products as in the run, but float32 on a CPU."""
    device = jax.devices()[0]
    precision = "float32" if device.platform == "cpu" else trained.settings.training.matmul_precision
    return for_each_seed(function, spread(len(trained.seeds), [device]), precision=precision)
