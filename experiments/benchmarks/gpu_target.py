"""Compiles a run's programs for a GPU that need not be there: JAX's CUDA plugin compiles without a device.

Two things differ from a compilation on the GPU. Nothing can be tried out (autotuning), and matrix products are those of
cuBLAS, because XLA's own (Triton) have sizes that only make sense after a trial.
"""

import contextlib
import functools
import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Axes

from cmta_jax.config import TrainingConfig
from cmta_jax.training import packed_step
from cmta_jax.training.program import compile_program, seed_keys_of
from cmta_jax.training.seed_axis import SEEDS
from cmta_jax.types import Method, Spec

PLUGINS = ("jax_plugins.xla_cuda12", "jax_plugins.xla_cuda13")
OPTIONS = {"xla_gpu_autotune_level": 0, "xla_gpu_enable_triton_gemm": False}
KERNEL_SECONDS = 1.5e-6  # a kernel takes no less, even inside a command buffer
_SHARED = {
    "threads_per_block_limit": 1024, "threads_per_warp": 32, "shared_memory_per_block": 49152,
    "threads_per_core_limit": 2048, "block_dim_limit_x": 2147483647, "block_dim_limit_y": 65535,
    "block_dim_limit_z": 65535, "registers_per_core_limit": 65536, "registers_per_block_limit": 65536,
}  # fmt: skip


class Target(NamedTuple):
    """A GPU by its data sheet."""

    name: str
    bandwidth: float  # bytes per second
    flops: dict[str, float]  # per second, of matrix products, by what their inputs are rounded to
    limits: dict[str, Any]  # of XLA's `GpuDeviceInfoProto`


TARGETS = {
    "h100": Target(
        "NVIDIA H100 80GB HBM3", 3.35e12, {"float32": 67e12, "tensorfloat32": 495e12, "bfloat16": 989e12},
        {
            "shared_memory_per_core": 233472, "shared_memory_per_block_optin": 232448, "core_count": 132,
            "fpus_per_core": 128, "l2_cache_size": 52428800, "clock_rate_ghz": 1.98,
            "memory_bandwidth": 3352320000000, "device_memory_size": 84929347584, "capability": 9,
        },
    ),
    "h200": Target(
        "NVIDIA H200", 4.8e12, {"float32": 67e12, "tensorfloat32": 495e12, "bfloat16": 989e12},
        {
            "shared_memory_per_core": 233472, "shared_memory_per_block_optin": 232448, "core_count": 132,
            "fpus_per_core": 128, "l2_cache_size": 52428800, "clock_rate_ghz": 1.98,
            "memory_bandwidth": 4800000000000, "device_memory_size": 150754820096, "capability": 9,
        },
    ),
    "a100": Target(
        "NVIDIA A100-SXM4-80GB", 2.04e12, {"float32": 19.5e12, "tensorfloat32": 156e12, "bfloat16": 312e12},
        {
            "shared_memory_per_core": 167936, "shared_memory_per_block_optin": 166912, "core_count": 108,
            "fpus_per_core": 64, "l2_cache_size": 41943040, "clock_rate_ghz": 1.41,
            "memory_bandwidth": 2039000000000, "device_memory_size": 84987740160, "capability": 8,
        },
    ),
}  # fmt: skip


def devices_of(target: Target) -> list[Any]:
    """One device like the target, to compile for.

    Raises:
        ValueError: JAX's CUDA plugin is not installed.
    """
    load_plugin()
    limits = dict(target.limits)
    capability = f"cuda_compute_capability {{ major: {limits.pop('capability')} }}"
    info = " ".join([*(f"{name}: {value}" for name, value in {**_SHARED, **limits}.items()), capability])
    text = (
        f'gpu_device_info {{ {info} }} platform_name: "CUDA" dnn_version_info {{ major: 9 minor: 7 }} '
        f'runtime_version {{ major: 12 minor: 8 }} device_description_str: "{target.name}"'
    )
    found = topologies.get_topology_desc(topology_name="", platform="cuda", topology="1x1x1", target_config=text)
    return [*found.devices]


def plugin() -> str | None:
    """The module of JAX's CUDA plugin, if it is installed."""
    if not importlib.util.find_spec("jax_plugins"):
        return None
    return next((name for name in PLUGINS if importlib.util.find_spec(name)), None)


@functools.cache
def load_plugin() -> None:
    """Makes JAX's CUDA plugin ready to compile; no driver is needed.

    Raises:
        ValueError: it is not installed.
    """
    name = plugin()
    if name is None:
        raise ValueError(
            "--suite=gpu_program needs JAX's CUDA plugin, which compiles without a GPU: pip install 'jax[cuda12]'."
        )
    os.environ.setdefault("JAX_SKIP_CUDA_CONSTRAINTS_CHECK", "1")
    jax.devices()  # JAX's own search for plugins, which must not find this one registered
    with contextlib.suppress(jax.errors.JaxRuntimeError):  # it is registered already
        importlib.import_module(name).initialize()


class Lowerable(NamedTuple):
    """A program of a run and the shapes that it is called with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def programs(
    method: Method, spec: Spec, config: TrainingConfig, batch_per_task: int, devices: list[Any]
) -> dict[str, Lowerable]:
    """`learn`, `observe` and `act` of a run on these devices, with the shapes of their arguments."""
    program = compile_program(method, spec, config, batch_per_task, devices)
    lanes = config.num_seeds, spec.num_tasks, config.copies_per_task
    keys = jax.eval_shape(lambda: seed_keys_of(config))
    learner, replay, rollout = jax.eval_shape(program.start, keys, _floats(*lanes, spec.observation_dim))
    mesh = Mesh(np.array(devices[:1]), (SEEDS,))
    step, flags = jax.ShapeDtypeStruct((), np.int32), jax.ShapeDtypeStruct(lanes, bool)
    result = _floats(*lanes, packed_step.width(spec.observation_dim))
    calls = {
        "learn": (learner, jax.eval_shape(program.no_divergence, learner, replay, keys), replay, rollout, keys, step),
        "observe": (learner.params, replay, rollout, result, keys, step),
        "act": (learner.params, rollout.carry, rollout.observation, flags),
    }
    return {name: Lowerable(getattr(program, name), _placed(mesh, arguments)) for name, arguments in calls.items()}


def _floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, np.float32)


def _placed(mesh: Mesh, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shapes of arguments with where they lie: all lead with the seeds, except for the scalar `step`."""

    def place(leaf: Any) -> jax.ShapeDtypeStruct:
        axes = Axes(SEEDS) if leaf.ndim else Axes()
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(mesh, axes))

    return jax.tree.map(place, arguments)


def compiled(lowerable: Lowerable) -> Any:
    """The program, compiled for the devices that its arguments lie on; it cannot be run here."""
    limit = jax.config.jax_traceback_in_locations_limit  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_traceback_in_locations_limit", -1)  # else flax's frames hide the program's own
    try:
        lowered = lowerable.function.trace(*lowerable.arguments).lower(lowering_platforms=("cuda",))  # pyright: ignore
    finally:
        jax.config.update("jax_traceback_in_locations_limit", limit)
    return lowered.compile(compiler_options=OPTIONS)
