"""Strict where the code is silent in use: warnings are errors (pyproject.toml), no promotion of types or ranks."""

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
import pytest  # noqa: E402

CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_compilation_cache_dir", str(CACHE))  # a second run of the tests compiles less
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

# Tracing makes many objects that live: looking through them again and again takes a fifth of its time.
gc.freeze()
gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def shared_programs():
    """Toy runs of the same settings compile once per process."""
    import shared_programs  # here, so that JAX has its settings before

    with pytest.MonkeyPatch.context() as patch:
        shared_programs.share(patch)
        yield


@pytest.fixture
def compiled_anew():
    """Runs of this test compile for themselves."""
    from cmta_jax import methods
    from cmta_jax.training import program

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "build", methods.build.__wrapped__)
        patch.setattr(program, "compile_program", program.compile_program.__wrapped__)
        yield


@pytest.fixture
def drawn(monkeypatch):
    """Runs of this test draw their pictures."""
    from experiments import first_look

    monkeypatch.setattr(first_look, "draw", first_look.draw.__wrapped__)


@pytest.fixture
def toy_method(monkeypatch):
    """Runs of MTMH-SAC compile, in its place, a method that takes a moment."""
    import toy_method

    toy_method.replace_mtmhsac(monkeypatch)


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


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes a second, and has its own tests."""
    monkeypatch.setattr("experiments.reporting.figures.all_figures", lambda groups: {})
