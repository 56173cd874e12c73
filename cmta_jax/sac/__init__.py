"""Soft actor-critic for many tasks: the one update that all methods share (`update`), and what it is made of."""

from cmta_jax.sac.acting import act, choose, perceive, policy_at, squashed
from cmta_jax.sac.optimisers import critic_group, descend, follow, transforms
from cmta_jax.sac.state import Config, LearnerState, Networks, Noise, Optimizers, Parameters, Targets
from cmta_jax.sac.update import (
    actor_step,
    along,
    before_update,
    critic_error,
    critic_step,
    draw_noise,
    init,
    make,
    next_value,
    representations,
    soft_target,
    temperature_step,
    update,
    value_and_slope,
)

__all__ = [
    "Config",
    "LearnerState",
    "Networks",
    "Noise",
    "Optimizers",
    "Parameters",
    "Targets",
    "act",
    "actor_step",
    "along",
    "before_update",
    "choose",
    "critic_error",
    "critic_group",
    "critic_step",
    "descend",
    "draw_noise",
    "follow",
    "init",
    "make",
    "next_value",
    "perceive",
    "policy_at",
    "representations",
    "soft_target",
    "squashed",
    "temperature_step",
    "transforms",
    "update",
    "value_and_slope",
]
