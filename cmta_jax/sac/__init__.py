"""Soft actor-critic for many tasks: settings, networks and learner state (`state`), acting, the update."""

from cmta_jax.sac.state import (
    Algorithm,
    Config,
    LearnerState,
    Networks,
    Noise,
    Optimizers,
    Parameters,
    Targets,
)
from cmta_jax.sac.update import draw_noise, make

__all__ = [
    "Algorithm",
    "Config",
    "LearnerState",
    "Networks",
    "Noise",
    "Optimizers",
    "Parameters",
    "Targets",
    "draw_noise",
    "make",
]
