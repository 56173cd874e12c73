"""`--reward_scaling` in whole runs: what is logged, what a resumed run continues, what an old run folder is."""

import logging
import pathlib
import shutil

import numpy as np
import pytest
import toy_runs

from cmta_jax.config import REWARD_SCALINGS
from cmta_jax.tracking.value_warning import ValueWarning

OLD = pathlib.Path(__file__).parents[1] / "support/run_of_0_1_0"
ELSEWHERE = ("running_std",)  # the runs that test_resume.py resumes have it
REWARDS = ("raw_reward_mean", "raw_reward_std", "reward_mean", "reward_std", "value_gap", "value_limit")


@pytest.mark.usefixtures("toy_method")
@pytest.mark.parametrize(
    "scaling", [pytest.param(name, marks=[pytest.mark.nightly] * (name in ELSEWHERE)) for name in REWARD_SCALINGS]
)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, scaling):
    flags = (*toy_runs.MTMHSAC, f"--reward_scaling={scaling}")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert toy_runs.main(whole, method=flags) == 0
    assert toy_runs.main(cut, "--steps_per_task=30", method=flags) == 0
    assert toy_runs.main(cut, "--resume", "--steps_per_task=60", method=flags) == 0
    assert toy_runs.numbers(cut) == toy_runs.numbers(whole)
    rows = toy_runs.table(whole / "train.csv")
    assert {f"{name}/{task}" for name in REWARDS for task in ("reach-v3", "push-v3")} <= rows[0].keys()
    assert all(np.isfinite(float(row[name])) for row in rows for name in REWARDS)


@pytest.mark.usefixtures("toy_method")
def test_raw_rewards_times_a_tenth_are_logged_as_such(tmp_path):
    flags = "--reward_scaling=none", "--reward_scale=0.1", "--steps_per_task=30"
    assert toy_runs.main(tmp_path, *flags, method=toy_runs.MTMHSAC) == 0
    for row in toy_runs.table(tmp_path / "train.csv"):
        np.testing.assert_allclose(float(row["reward_mean"]), 0.1 * float(row["raw_reward_mean"]), rtol=1e-4)
        assert -2 < float(row["raw_reward_mean"]) < 0  # the toy's rewards are distances, with a minus


def test_an_old_run_goes_on_with_running_std(tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(OLD, folder)
    assert toy_runs.main(folder, "--resume", "--steps_per_task=80") == 0
    assert "--reward_scaling=running_std" in (folder / "flags.flags").read_text()
    assert "cannot be used" not in (folder / "run.log").read_text()
    assert [row["step"] for row in toy_runs.table(folder / "eval.csv")][-1] == "80"


def test_another_scaling_is_refused_on_an_old_run(tmp_path, capsys):
    """Its flags do not name the scaling, because there was only one."""
    folder = tmp_path / "old"
    shutil.copytree(OLD, folder)
    assert toy_runs.main(folder, "--resume", "--steps_per_task=80", "--reward_scaling=none") == 2
    assert "was started with --reward_scaling=running_std, now it is none" in capsys.readouterr().err


def test_one_warning_names_the_task_whose_q_exceeds_what_rewards_can_give(caplog):
    warning = ValueWarning((5,), ("reach-v3", "push-v3"))
    fine = {"q_mean": np.array([[10.0, 29.0]]), "value_limit": np.array([[10.0, 20.0]])}
    beyond = {"q_mean": np.array([[10.0, 31.0]]), "value_limit": np.array([[10.0, 20.0]])}
    with caplog.at_level(logging.WARNING):
        for step, values in enumerate((fine, beyond, beyond, {"q_mean": fine["q_mean"]})):
            warning.metrics(step, values)
    (record,) = caplog.records
    assert "step 1, seed 5, push-v3: mean Q is 31, but rewards and entropy can give at most 20" in record.message
