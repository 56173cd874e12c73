"""Compiled programs are kept between processes where that is safe, and where the user has not said otherwise."""

import jax
import pytest
from toy_runs import SMALL, Toy

from experiments.command_line.parse import parse
from experiments.training_run import setup
from experiments.training_run.compilation_cache import LARGEST, keep_compiled_programs

FOLDER = "jax_compilation_cache_dir"


@pytest.fixture
def told(monkeypatch, tmp_path):
    """What JAX is told, by name; before it, JAX has no folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before, update = getattr(jax.config, FOLDER), jax.config.update
    update(FOLDER, None)
    settings = {}
    monkeypatch.setattr(jax.config, "update", settings.__setitem__)
    yield settings
    update(FOLDER, before)


def test_an_accelerator_keeps_them_in_the_users_cache(told, tmp_path):
    keep_compiled_programs("gpu")
    assert told == {FOLDER: str(tmp_path / "cmta_jax" / "compiled"), "jax_compilation_cache_max_size": LARGEST}


def test_a_cpu_does_not(told):
    keep_compiled_programs("cpu")
    assert not told


def test_a_run_asks_for_its_device(monkeypatch):
    asked = []
    monkeypatch.setattr(setup, "keep_compiled_programs", asked.append)
    setup.Plan(parse(SMALL), Toy)
    assert asked == ["cpu"]


def test_the_users_folder_stays(told, monkeypatch):
    monkeypatch.undo()
    jax.config.update(FOLDER, "/elsewhere")
    keep_compiled_programs("gpu")
    assert getattr(jax.config, FOLDER) == "/elsewhere"
