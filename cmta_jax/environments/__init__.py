"""Meta-World in worker processes: official environments, stepped fast and bit for bit alike. Imports no JAX."""

from cmta_jax.environments.benchmarks import MT10, MT50, resolve_tasks
from cmta_jax.environments.config import EnvironmentConfig
from cmta_jax.environments.interface import EnvironmentPool, PoolFactory, Step
from cmta_jax.environments.pool.pool import Pool

__all__ = [
    "MT10",
    "MT50",
    "EnvironmentConfig",
    "EnvironmentPool",
    "Pool",
    "PoolFactory",
    "Step",
    "resolve_tasks",
]
