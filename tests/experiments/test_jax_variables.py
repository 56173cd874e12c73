"""Environment variables of JAX change no result: they are overruled, or named in a sentence."""

import contextlib
import os

import jax
import numpy as np
import pytest
from toy_runs import MTMHSAC, Toy, main, numbers

from cmta_jax.random_keys import random_key
from experiments import run
from experiments.training_run import conditions


@contextlib.contextmanager
def other_seeds():
    """As with JAX_RANDOM_SEED_OFFSET=5."""
    jax.config.update("jax_random_seed_offset", 5)
    yield
    jax.config.update("jax_random_seed_offset", 0)


@pytest.mark.usefixtures("compiled_anew", "toy_method")
def test_generators_seeds_draws_and_rounding_are_the_same_whatever_the_variables_say(tmp_path):
    """As with JAX_DEFAULT_PRNG_IMPL=rbg JAX_THREEFRY_PARTITIONABLE=0 JAX_DEFAULT_MATMUL_PRECISION=BF16_BF16_F32."""
    others = (
        jax.default_prng_impl("rbg"), jax.threefry_partitionable(False), jax.default_matmul_precision("BF16_BF16_F32"),
    )  # fmt: skip
    assert main(tmp_path / "plain", method=MTMHSAC) == 0
    with other_seeds(), others[0], others[1], others[2]:
        assert main(tmp_path / "run", method=MTMHSAC) == 0
    assert numbers(tmp_path / "run") == numbers(tmp_path / "plain")


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1])
def test_the_key_of_a_seed_is_jaxs_own(seed):
    for key in (random_key(seed), jax.jit(random_key)(np.int32(seed))):
        assert np.array_equal(jax.random.key_data(key), jax.random.key_data(jax.random.key(seed)))


def test_the_other_variables_are_recorded_and_those_without_effect_are_not(monkeypatch):
    for name in [name for name in os.environ if name.startswith(conditions.READ)]:
        monkeypatch.delenv(name)
    assert conditions.found(1) == {"device": "1 x cpu"} and conditions.found(2) == {"device": "2 x cpu"}
    for name in ("JAX_ENABLE_X64", "XLA_FLAGS", "JAX_DEFAULT_PRNG_IMPL", "JAX_COMPILATION_CACHE_DIR", "HOME"):
        monkeypatch.setenv(name, "1")
    assert conditions.found(1) == {"device": "1 x cpu", "JAX_ENABLE_X64": "1", "XLA_FLAGS": "1"}


def test_every_option_of_jax_without_effect_is_one_that_jax_has():
    """A name that JAX no longer reads would hide a new one that begins alike."""
    options = [name.upper() for name in jax.config.values]
    names = [name for name in conditions.WITHOUT_EFFECT if name.startswith("JAX_")]
    assert [name for name in names if not any(option.startswith(name) for option in options)] == []


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.usefixtures("toy_method")
def test_a_run_and_its_resume_name_the_variables_that_differ(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("JAX_SOFTMAX_CUSTOM_JVP", "0")  # not read any more, because JAX is imported
    assert main(tmp_path, "--steps_per_task=20", method=MTMHSAC) == 0
    assert warnings(caplog) == [
        "JAX_SOFTMAX_CUSTOM_JVP=0 is set: runs without it may have other numbers, with the same flags."
    ]
    monkeypatch.delenv("JAX_SOFTMAX_CUSTOM_JVP")
    assert main(tmp_path, "--steps_per_task=21", "--resume", method=()) == 0
    assert warnings(caplog)[1:] == [
        "the run continues with another device or other variables of the environment, so it is not bit for bit as "
        "before: JAX_SOFTMAX_CUSTOM_JVP 0 -> None"
    ]
    caplog.clear()
    assert main(tmp_path, "--steps_per_task=22", "--resume", method=()) == 0
    assert warnings(caplog) == []


@pytest.mark.usefixtures("compiled_anew", "toy_method")
def test_a_resume_with_other_bits_names_the_variable(tmp_path, capsys):
    assert main(tmp_path / "run", "--steps_per_task=30", method=MTMHSAC) == 0
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
