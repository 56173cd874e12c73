"""A run folder that version 0.1.0 wrote (60 steps of CMTA on the toy pool) can still be used."""

import csv
import pathlib
import shutil

import jax
import numpy as np
import pytest
from toy_runs import Toy

from cmta_jax.checkpoint import load_policy
from cmta_jax.results.reading import read_run
from cmta_jax.runs.settings import as_flags
from cmta_jax.storage.flag_rules import ADDED
from cmta_jax.storage.flags_file import read_flags
from experiments import evaluate, report, run
from experiments.command_line.parse import parse

OLD = pathlib.Path(__file__).parents[1] / "support" / "run_of_0_1_0"


@pytest.fixture
def old(tmp_path):
    return shutil.copytree(OLD, tmp_path / "run")


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_it_goes_on_from_its_checkpoint_and_keeps_its_rows(old):
    assert run.main(["--resume", f"--workdir={old}", "--steps_per_task=90"], Toy) == 0
    before, after = rows(OLD / "eval.csv"), rows(old / "eval.csv")
    assert after[: len(before)] == before
    assert [row["step"] for row in after[len(before) :]] == ["80", "80"]  # one row for each of two tasks
    assert [row["step"] for row in rows(old / "train.csv")][-1] == "90"
    assert (old / "checkpoints" / "step-000000090.json").is_file()


@pytest.mark.parametrize("source", ["run folder", "policy file"])
def test_it_is_evaluated(old, source):
    place = old if source == "run folder" else old / "policy.safetensors"
    assert evaluate.main([f"--workdir={place}"], Toy) == 0
    (table,) = old.glob("evaluation*.csv")
    assert {row["task"] for row in rows(table)} == {"reach-v3", "push-v3"}


def test_it_is_reported(old, tmp_path):
    assert read_run(old).goal_sets == 10  # the toy has ten
    assert report.main([f"--runs={old}", f"--out={tmp_path / 'report'}"]) == 0
    assert any((tmp_path / "report").iterdir())


def test_its_policies_load(old):
    for name in ("policy.safetensors", "policy_best.safetensors"):
        params, metadata = load_policy(old / name)
        assert metadata["method"] == "cmta" and metadata["tasks"] == ["reach-v3", "push-v3"]
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))


def test_every_setting_that_it_lacks_has_the_value_that_it_ran_with():
    ours = as_flags(parse(["--method=cmta", "--benchmark=mt10"]).values())
    lacking = set(ours) - set(read_flags(OLD / "flags.flags").values)
    assert lacking - set(ADDED) - {"match_parameters"} == set(), "add them to flag_rules.ADDED"
