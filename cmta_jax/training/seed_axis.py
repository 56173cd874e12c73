"""The axis of seeds: on each device a vmap over its share of them, and nothing to say to the other devices."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Axes

SEEDS = "seeds"
_QUICK = {"xla_backend_optimization_level": 1}  # the random generator takes XLA long otherwise (BUILD_NOTES, Measured)
_ALGORITHMS = {"bfloat16": "BF16_BF16_F32"}  # JAX's own "bfloat16" means tensorfloat32 on a GPU


def spread(num_seeds: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """As many devices (by default of all there are) as have the same number of seeds each."""
    devices = jax.devices() if devices is None else devices
    count = max(count for count in range(1, len(devices) + 1) if num_seeds % count == 0)
    return Mesh(np.array(devices[:count]), (SEEDS,))


def products_in(precision: str):
    """A context: matrix products traced in it round their inputs to `precision`."""
    return jax.default_matmul_precision(_ALGORITHMS.get(precision, precision))


def for_each_seed(
    function: Callable,
    mesh: Mesh,
    *,
    shared: Sequence[int] = (),
    donate: Sequence[int] = (),
    precision: str = "float32",
    once: bool = False,
) -> Callable:
    """`function` of one seed, compiled for all of them.

    Args:
        function: of pytrees; positional arguments only.
        mesh: from `spread`.
        shared: numbers of the arguments that are the same for all seeds; the others lead with the seeds `[S, ...]`.
        donate: numbers of the arguments whose buffers the results may use.
        precision: what matrix products round their inputs to; parameters and sums are float32 in any case.
        once: it is called once, and a CPU's compiler need not take its time over it.

    Raises:
        ValueError: the devices have no such products.
    """
    on_cpu = mesh.devices.flat[0].platform == "cpu"
    if precision == "bfloat16" and on_cpu:
        raise ValueError("--matmul_precision=bfloat16 needs a GPU or TPU; use float32 on a CPU.")

    def of_all(*arguments):
        axes = [None if number in shared else 0 for number in range(len(arguments))]
        specs = tuple(Axes() if axis is None else Axes(SEEDS) for axis in axes)
        mapped = jax.vmap(function, in_axes=axes)
        with products_in(precision):
            return jax.shard_map(mapped, mesh=mesh, in_specs=specs, out_specs=Axes(SEEDS))(*arguments)

    options = _QUICK if once and on_cpu else None
    return jax.jit(of_all, donate_argnums=tuple(donate), compiler_options=options)
