"""The report's comparison: how rows learnt, and one of them against the others over the seeds that both have."""

import csv

import numpy as np
import pytest
from report_runs import FINAL, SUCCESS, run_report
from run_folders import write_run

from experiments import report

pytestmark = pytest.mark.usefixtures("no_figures")


def rows_of(tmp_path):
    with open(tmp_path / "report/comparison.csv") as file:
        return {row["agent"]: row for row in csv.DictReader(file)}


def final(*shares):
    """Success `[S, N, G]` of seeds that solve these shares of ten goal sets, on both tasks."""
    return np.stack([np.repeat([np.arange(10) < round(10 * share)], 2, axis=0) for share in shares]).astype(int)


def test_a_row_says_how_it_learnt(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS, final=FINAL)
    assert run_report(tmp_path) == 0
    row = rows_of(tmp_path)["CMTA"]
    assert [float(row[name]) for name in ("final", "last_five", "kept")] == [62.5, 62.5, 100]
    assert (row["solved_seeds"], float(row["steps_to_solve"])) == ("1", 6000)
    assert (row["reference"], row["pairs"], row["ahead"]) == ("", "0", ""), "there is nothing to compare it with"


def test_the_answer_is_that_of_the_interval(tmp_path):
    learnt = np.zeros((3, 2, 2))
    shares = {"cmta": (0.9, 0.8, 0.9), "care": (0.2, 0.1, 0.3), "mtsac": (0.9, 1.0, 0.6), "mtmhsac": (1.0, 0.9, 1.0)}
    for method, of_seeds in shares.items():
        write_run(tmp_path / "runs" / method, learnt, method=method, final=final(*of_seeds))
    assert run_report(tmp_path) == 0
    rows = rows_of(tmp_path)
    assert {agent: row["ahead"] for agent, row in rows.items()} == {
        "CMTA": "", "CARE": "yes", "MT-SAC": "cannot tell", "MTMH-SAC": "no"
    }  # fmt: skip
    assert float(rows["CARE"]["ahead_by"]) == pytest.approx(100 * (0.7 + 0.7 + 0.6) / 3, abs=1e-3)
    text = (tmp_path / "report/report.md").read_text()
    assert "CMTA ahead by [95 %]" in text
    assert "| CARE | 3 | 20.0 | 0.0 | never | - | +66.7 [+52.3, +81.0] | 3 | yes |" in text
    assert "CMTA ahead by [95 %]" in (tmp_path / "report/report.html").read_text()


def test_only_seeds_that_both_rows_have_are_compared(tmp_path):
    write_run(tmp_path / "runs/cmta", np.zeros((2, 2, 2)), final=final(0.5, 0.9))
    write_run(tmp_path / "runs/care", np.zeros((2, 2, 2)), method="care", seeds=(1, 2), final=final(0.4, 0.0))
    assert run_report(tmp_path) == 0
    row = rows_of(tmp_path)["CARE"]
    assert (row["pairs"], float(row["ahead_by"]), row["ahead_low"]) == ("1", 50, ""), "seed 1: 0.9 less 0.4"


def test_another_row_can_be_the_reference_and_an_unknown_one_is_refused(tmp_path, capsys):
    write_run(tmp_path / "runs/cmta", np.zeros((2, 2, 2)), final=final(0.5, 0.9))
    write_run(tmp_path / "runs/care", np.zeros((2, 2, 2)), method="care", final=final(0.4, 0.0))
    arguments = ["--runs", f"{tmp_path}/runs/**", "--out", str(tmp_path / "report")]
    assert report.main([*arguments, "--against=CARE"]) == 0
    assert float(rows_of(tmp_path)["CMTA"]["ahead_by"]) == pytest.approx(-50)
    assert report.main([*arguments, "--against=care"]) == 2
    assert "--against=care is not a row of these runs: give one of CARE, CMTA." in capsys.readouterr().err
