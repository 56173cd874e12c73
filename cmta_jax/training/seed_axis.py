"""The axis of seeds: the seeds are shared out among the devices, each device runs a vmap over its seeds.

The devices never communicate.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Axes

from cmta_jax.random_keys import same_draws

Devices = Sequence[Any]  # of jax.Device, which type checkers do not know as a type
SEEDS = "seeds"
_QUICK = {"xla_backend_optimization_level": 1}  # the random generator takes XLA long otherwise (docs/performance.md)
_ALGORITHMS = {"bfloat16": "BF16_BF16_F32"}  # JAX's own "bfloat16" means tensorfloat32 on a GPU


def spread(num_seeds: int, devices: Devices | None = None) -> Mesh:
    """As many devices (by default of all there are) as have the same number of seeds each."""
    devices = jax.devices() if devices is None else devices
    count = max(count for count in range(1, len(devices) + 1) if num_seeds % count == 0)
    return Mesh(np.array(devices[:count]), (SEEDS,))


def products_in(precision: str) -> AbstractContextManager[None]:
    """A context: matrix products traced in it round their inputs to `precision`."""
    return jax.default_matmul_precision(_ALGORITHMS.get(precision, precision))


def for_each_seed(
    function: Callable[..., Any],
    mesh: Mesh,
    *,
    shared: Sequence[str] = (),
    donate: Sequence[str] = (),
    precision: str = "float32",
    once: bool = False,
) -> Callable[..., Any]:
    """`function` of one seed, compiled for all of them; it keeps its name in profiles and logs.

    Args:
        function: of pytrees. Call the result with positional arguments.
        mesh: from `spread`.
        shared: arguments that are the same for all seeds; the others lead with the seeds `[S, ...]`.
        donate: arguments whose buffers the results may use.
        precision: what matrix products round their inputs to; parameters and sums are float32 in any case.
        once: the function is called once: a CPU compiles it quickly rather than well.

    Raises:
        ValueError: the devices have no products of this precision, or the function has no such argument.
    """
    on_cpu = mesh.devices.flat[0].platform == "cpu"
    if precision == "bfloat16" and on_cpu:
        raise ValueError("--matmul_precision=bfloat16 needs a GPU or TPU; use float32 on a CPU.")
    common, donated = _places(function, shared), _places(function, donate)

    @functools.wraps(function)
    def of_all(*arguments):
        axes = [None if number in common else 0 for number in range(len(arguments))]
        specs = tuple(Axes() if axis is None else Axes(SEEDS) for axis in axes)
        mapped = jax.vmap(function, in_axes=axes)
        with products_in(precision), same_draws():
            # seeds do not communicate, so that nothing needs to be checked; with the check a fresh learner, whose
            # zeros are the same for all seeds, could not begin a loop
            spread_out = jax.shard_map(mapped, mesh=mesh, in_specs=specs, out_specs=Axes(SEEDS), check_vma=False)
            return spread_out(*arguments)

    options = _QUICK if once and on_cpu else None
    return jax.jit(of_all, donate_argnums=donated, compiler_options=options)


def _places(function: Callable[..., Any], names: Sequence[str]) -> tuple[int, ...]:
    """The positions of the arguments with these names."""
    if not names:
        return ()
    return tuple([*inspect.signature(function).parameters].index(name) for name in names)
