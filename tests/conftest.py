"""Fixtures of all tests. Warnings are errors (pyproject.toml), and JAX is strict where it is silent in use."""

import pytest


def pytest_collectstart():
    """JAX has its settings before any test imports it; the process that only gives out tests does not import it."""
    import jax_settings  # noqa: F401


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

    toy_method.replace_mtmhsac(monkeypatch.setattr)


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
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes a second, and has its own tests."""
    monkeypatch.setattr("experiments.reporting.figures.all_figures", lambda groups: {})
