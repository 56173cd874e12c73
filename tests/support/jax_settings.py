"""JAX as the tests, and the processes that they start, use it: no promotion of types or ranks, and quick to compile."""

import gc
import importlib.metadata
import os
import pathlib

os.environ["JAX_PLATFORMS"] = os.environ.get("TESTS_ON", "cpu")  # `make gpu-check` has cuda here
# Tests compile more than they compute: not optimising halves the time, and so does XLA's older way to compile fusions,
# a flag that jax 0.12 refuses. Eight devices: runs of several seeds use several.
OURS = [
    "--xla_backend_optimization_level=0",
    "--xla_cpu_parallel_codegen_split_count=1",  # small programs are not worth dividing
    "--xla_force_host_platform_device_count=8",
]
if importlib.metadata.version("jaxlib").startswith("0.10."):
    OURS.append("--xla_cpu_use_fusion_emitters=false")
GIVEN = os.environ.get("XLA_FLAGS", "").split()
NAMES = {flag.partition("=")[0] for flag in GIVEN}
os.environ["XLA_FLAGS"] = " ".join([*(flag for flag in OURS if flag.partition("=")[0] not in NAMES), *GIVEN])
os.environ.setdefault("MUJOCO_GL", "disable")  # simulators must not look for a screen

import jax  # noqa: E402  it reads the environment

CACHE = pathlib.Path(__file__).parents[2] / ".cache" / "jax"

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", str(CACHE))  # a second run of the tests compiles less
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

# Tracing makes many objects that live: looking through them again and again takes a fifth of its time.
gc.freeze()
gc.set_threshold(100_000, 20, 20)
