"""Environment variables of JAX change no result: they are overruled, or named in a sentence."""

import jax
import pytest
from toy_runs import Toy, main, numbers

from experiments import run


@pytest.mark.usefixtures("compiled_anew")
def test_another_default_generator_changes_nothing(whole, tmp_path):
    """As with JAX_DEFAULT_PRNG_IMPL=rbg."""
    with jax.default_prng_impl("rbg"):
        assert main(tmp_path / "run") == 0
    assert numbers(tmp_path / "run") == numbers(whole)


@pytest.mark.usefixtures("compiled_anew")
def test_a_resume_with_other_bits_names_the_variable(tmp_path, capsys):
    assert main(tmp_path / "run", "--steps_per_task=30") == 0
    capsys.readouterr()
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # the tests are stricter than a run
        assert run.main([f"--workdir={tmp_path}/run", "--resume", "--steps_per_task=60"], Toy) != 0
    said = capsys.readouterr().err
    assert "resume with JAX_ENABLE_X64 as it was then" in said and said.splitlines()[-1].startswith("error: ")


def test_a_run_that_would_not_be_compiled_is_refused(tmp_path, capsys):
    with jax.disable_jit():
        assert main(tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: JAX_DISABLE_JIT=1 would") and said.count("\n") == 1
    assert not (tmp_path / "run").exists()
