"""What decides the numbers of a run besides its flags: versions of packages, the device, variables of the environment.

The generator, the seed's key, its draws and the rounding of products are the same whatever the variables say
(`cmta_jax.random_keys`, `cmta_jax.training.seed_axis`). All else is recorded in every checkpoint, and a run that
continues under other conditions says so.
"""

import logging
import os
from collections.abc import Mapping
from typing import Any

from cmta_jax.checkpoint import versions
from cmta_jax.training.seed_axis import spread

log = logging.getLogger(__name__)
READ = (  # beginnings of names that JAX, XLA and numerical libraries read
    "JAX_", "XLA_", "LIBTPU_", "NVIDIA_TF32_", "CUBLAS_", "CUDNN_", "NPY_", "OPENBLAS_", "MKL_", "ONEDNN_", "DNNL_",
)  # fmt: skip
WITHOUT_EFFECT = (  # of those, the beginnings of names that change no number, or are overruled
    "JAX_DEFAULT_PRNG_IMPL", "JAX_RANDOM_SEED_OFFSET", "JAX_THREEFRY_PARTITIONABLE", "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_PLATFORMS", "JAX_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE", "JAX_ENABLE_COMPILATION_CACHE", "JAX_LOG",
    "JAX_EXPLAIN", "JAX_DUMP", "JAX_TRACEBACK", "XLA_PYTHON_CLIENT_",
)  # fmt: skip


def found(num_seeds: int) -> dict[str, str]:
    """The conditions of this process, name -> value; `device` says how many of which kind the seeds are spread over."""
    devices = spread(num_seeds).devices
    named = {"device": f"{devices.size} x {devices.flat[0].device_kind}"}
    variables = {name: value for name, value in sorted(os.environ.items()) if name.startswith(READ)}
    return named | {name: value for name, value in variables.items() if not name.startswith(WITHOUT_EFFECT)}


def announce(conditions: Mapping[str, str]) -> None:
    """A warning for each variable of JAX that makes this run another one than its flags say."""
    for name, value in conditions.items():
        if name.startswith("JAX_"):
            log.warning("%s=%s is set: runs without it may have other numbers, with the same flags.", name, value)


def compare(metadata: Mapping[str, Any], now: Mapping[str, str]) -> None:
    """Warns if a run continues with other versions or under other conditions than those of its checkpoint."""
    _warn("other versions", metadata["versions"], versions())
    if "conditions" in metadata:  # not in checkpoints of version 0.1.0
        _warn("another device or other variables of the environment", metadata["conditions"], now)


def _warn(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    names = sorted({name for name in before.keys() | now.keys() if before.get(name) != now.get(name)})
    if names:
        changes = ", ".join(f"{name} {before.get(name)} -> {now.get(name)}" for name in names)
        log.warning("the run continues with %s, so it is not bit for bit as before: %s", what, changes)
