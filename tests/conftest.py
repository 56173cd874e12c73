"""Strict where the code is silent in use: warnings are errors (pyproject.toml), no promotion of types or ranks."""

import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
# Tests compile more than they compute: the first halves it. Eight devices: runs of several seeds use several.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_force_host_platform_device_count=8")
os.environ.setdefault("MUJOCO_GL", "disable")  # simulators must not look for a screen

import jax
import pytest

CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", str(CACHE))  # a second run of the tests compiles less
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The folder of a complete run on the toy pool."""
    from toy_runs import main  # here, so that JAX has its settings before

    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert main(folder) == 0
    return folder


@pytest.fixture
def x64():
    """64-bit floats for one test."""
    with jax.enable_x64(True):
        yield
