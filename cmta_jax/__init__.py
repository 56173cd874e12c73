"""cmta_jax: contrastive modules with temporal attention for multi-task reinforcement learning, in JAX.

The names in `__all__` are the public API. They are imported when they are first used, because the worker processes of
a pool import this package, and must not import JAX. The import registers the Gymnasium ids `Meta-World-Fast/...`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from cmta_jax.environments import registration

if TYPE_CHECKING:
    from cmta_jax.environments import EnvironmentConfig, Pool, Step
    from cmta_jax.environments.vector_adapter import as_vec_env
    from cmta_jax.environments.vector_env import make as make_vec
    from cmta_jax.methods import build as build_method
    from cmta_jax.runs.loading import load_policy
    from cmta_jax.runs.policy import Policy
    from cmta_jax.types import Spec, Transition

__version__ = "0.1.0"
__all__ = [
    "EnvironmentConfig",
    "Policy",
    "Pool",
    "Spec",
    "Step",
    "Transition",
    "as_vec_env",
    "build_method",
    "load_policy",
    "make_vec",
]

_SOURCES = {  # name -> module, name there
    "EnvironmentConfig": ("cmta_jax.environments", "EnvironmentConfig"),
    "Policy": ("cmta_jax.runs.policy", "Policy"),
    "Pool": ("cmta_jax.environments", "Pool"),
    "Spec": ("cmta_jax.types", "Spec"),
    "Step": ("cmta_jax.environments", "Step"),
    "Transition": ("cmta_jax.types", "Transition"),
    "as_vec_env": ("cmta_jax.environments.vector_adapter", "as_vec_env"),
    "build_method": ("cmta_jax.methods", "build"),
    "load_policy": ("cmta_jax.runs.loading", "load_policy"),
    "make_vec": ("cmta_jax.environments.vector_env", "make"),
}

registration.register()


def __getattr__(name: str) -> Any:
    if name not in _SOURCES:
        raise AttributeError(f"module 'cmta_jax' has no attribute '{name}'")
    module, original = _SOURCES[name]
    return getattr(importlib.import_module(module), original)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
