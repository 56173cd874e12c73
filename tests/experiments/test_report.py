"""The report: numbers of a tiny set of runs by hand, and what it refuses."""

import csv
import errno
import pathlib
import re

import numpy as np
import pytest
from report_runs import FINAL, SUCCESS, run_report
from run_folders import write_run

from cmta_jax.results.protocol import Cell
from experiments import report
from experiments.reporting import cells, formats, tables

pytestmark = pytest.mark.usefixtures("no_figures")


def rows_of(tmp_path):
    with open(tmp_path / "report/tables.csv") as file:
        return list(csv.DictReader(file))


def test_table_1_has_the_papers_figures_beside_ours(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS, final=FINAL)
    assert run_report(tmp_path) == 0
    row = next(row for row in rows_of(tmp_path) if row["agent"] == "CMTA" and row["status"] == "complete")
    assert (row["table"], row["benchmark"], row["goals"]) == ("1", "mt10", "mixed")
    assert (float(row["paper_max_smoothed"]), float(row["paper_max"])) == (82.07, 87.5)
    assert [float(row[name]) for name in ("max_smoothed", "max_raw", "final_mean", "final_iqm")] == [55, 75, 62.5, 75]
    # Resampled: task 1 is 1 twice, task 2 two draws of 0.5 and 0; the middle two of the four are 1 and the larger draw,
    # so that their mean is (1 + 0.5) / 2 in three of four resamples, (1 + 0) / 2 in one.
    assert [float(row["final_low"]), float(row["final_high"])] == [50, 75]
    assert [row[name] for name in ("seeds", "final_seeds", "goal_sets", "steps")] == ["2", "2", "2", "6000"]


def test_the_markdown_says_what_is_missing_and_what_the_protocol_was(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS, final=FINAL)
    write_run(tmp_path / "runs/care", SUCCESS[:1], method="care")
    assert run_report(tmp_path) == 0
    text = (tmp_path / "report/report.md").read_text()
    assert "| CMTA | 82.07 | 55.00 | 87.50 | 75.00 | 62.50 | 75.00 [50.00, 75.00] | 2 | 6,000 |" in text
    assert "| CARE | 61.35 | 60.00 | 67.50 | 100.00 | no final | no final | 1 | 6,000 |" in text
    assert "| MT-SAC | 53.22 | no run | 62.50 | no run | no run | no run | 0 | no run |" in text
    assert "- CMTA: final performance is over 2 goal set(s), not 50." in text
    assert "Episodes of 150 steps, rewards v2, success (v2 definition) at any step" in text
    assert "No Figure 4" in text


def test_benchmarks_without_runs_are_one_sentence_of_the_page(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS)
    assert run_report(tmp_path) == 0
    text = (tmp_path / "report/report.md").read_text()
    assert "### MT10-Mixed" in text
    assert "### MT50-Mixed" not in text
    assert "Success on our own" not in text
    missing = "Table 1 (MT10-Fixed, MT50-Fixed, MT50-Mixed); Table 2 (MT50-Mixed); Table 8 (MT10-Fixed)"
    assert f"No runs for {missing}: see the files" in text
    assert "### MT50-Mixed" in (tmp_path / "report/table_1.md").read_text()


def test_one_seed_has_no_interval(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS[:1], final=FINAL[:1])
    assert run_report(tmp_path) == 0
    assert "| 75.00 (one seed) | 1 |" in (tmp_path / "report/table_1.md").read_text()


def test_other_methods_and_benchmarks_get_rows_and_columns_of_their_own_in_table_1(tmp_path):
    write_run(tmp_path / "runs/tsac", SUCCESS, method="tsac", flags={"tsac.base": "mtmhsac"})
    write_run(tmp_path / "runs/small", SUCCESS, flags={"benchmark": "reach-v3,push-v3"})
    assert run_report(tmp_path) == 0
    table = (tmp_path / "report/table_1.md").read_text()
    assert "| TSAC (our reconstruction) on MTMH-SAC | not reported | 55.00 |" in table
    assert "### reach, push (mixed)" in table
    assert "TSAC" not in (tmp_path / "report/table_2.md").read_text()


def test_table_8_cuts_longer_runs_at_a_million_steps(tmp_path):
    success = np.zeros((1, 500, 2))
    success[:, 400:] = 1  # from 1,203,000 steps on
    write_run(tmp_path / "runs/cmta", success, flags={"steps_per_task": 1_500_000})
    assert run_report(tmp_path) == 0
    found = {row["table"]: row for row in rows_of(tmp_path) if row["status"] == "no final"}
    assert (float(found["1"]["max_raw"]), found["1"]["steps"]) == (100, "1500000")
    assert (float(found["8"]["max_raw"]), found["8"]["steps"]) == (0, "999000")
    assert found["8"]["agent"] == "CMTA with 6 experts"


def test_curves_and_seeds_are_given_as_data(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS, seeds=(4, 5), final=FINAL)
    assert run_report(tmp_path) == 0
    lines = (tmp_path / "report/curves.csv").read_text().splitlines()
    assert lines[1:3] == ["mt10,mixed,CMTA,4,3000,0.500000", "mt10,mixed,CMTA,4,6000,1.000000"]
    last = (tmp_path / "report/per_seed.csv").read_text().splitlines()[-1]
    assert last == f"mt10,mixed,CMTA,5,{tmp_path}/runs/cmta,6000,0.500000,0.500000,0.500000"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No runs: give --runs"),
        (["--runs", "/nowhere/**"], "No run folder .* matches '/nowhere/"),
        (["--rums=x"], "Unknown command line flag 'rums'"),
    ],
)
def test_a_bad_command_line_is_one_sentence_and_status_2(capsys, arguments, sentence):
    assert report.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("report: ") and error.count("\n") == 1
    assert re.search(sentence, error)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, capsys):
    write_run(tmp_path / "runs/a", SUCCESS)
    (tmp_path / "report").write_text("in the way")
    assert run_report(tmp_path) == 2
    assert capsys.readouterr().err == f"report: {tmp_path}/report cannot be used (File exists): give another path.\n"


def test_runs_of_another_horizon_are_refused_by_name(tmp_path, capsys):
    write_run(tmp_path / "runs/a", SUCCESS)
    write_run(tmp_path / "runs/b", SUCCESS, seeds=(2, 3), flags={"horizon": 500})
    assert run_report(tmp_path) == 2
    assert "report: --horizon differs: 150 in" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_a_run_without_evaluations_is_left_out_and_said(tmp_path, capsys):
    write_run(tmp_path / "runs/a", SUCCESS)
    early = write_run(tmp_path / "runs/b", SUCCESS, seeds=(2, 3))
    (early / "eval.csv").write_text("step,seed,task,success,episode_return\n")
    assert run_report(tmp_path) == 0
    assert "holds no complete evaluation yet" in capsys.readouterr().err
    assert "Left out" in (tmp_path / "report/report.md").read_text()
    assert report.main([str(early)]) == 2
    assert "None of the runs holds a complete evaluation" in capsys.readouterr().err


def unreadable(path):
    """A file that is there and cannot be read, as on a failing disk; also for the administrator."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize(
    ("damage", "remark"),
    [
        (lambda folder: (folder / "eval.csv").unlink(), "{folder} holds no evaluation yet: it has no eval.csv."),
        (lambda folder: (folder / "flags.flags").unlink(), "{folder} is not a run folder: it has no flags.flags."),
        (lambda folder: (folder / "eval.csv").write_text("a,b\n"), "{folder}/eval.csv begins with 'a,b' instead of"),
        (lambda folder: unreadable(folder / "eval.csv"), "[Errno 5] Input/output error"),
    ],
)
def test_a_folder_that_cannot_be_reported_is_named_and_the_others_are_reported(tmp_path, capsys, damage, remark):
    write_run(tmp_path / "runs/a", SUCCESS)
    folder = write_run(tmp_path / "runs/b", SUCCESS, seeds=(2, 3))
    damage(folder)
    assert run_report(tmp_path) == 0
    assert f"report: Left out: {remark.format(folder=folder)}" in capsys.readouterr().err
    text = (tmp_path / "report/report.md").read_text()
    assert "| CMTA | 82.07 | 55.00 |" in text
    assert f"- Left out: {remark.format(folder=folder)}" in text


def test_the_folder_of_another_user_is_named_and_the_others_are_reported(tmp_path, capsys, monkeypatch):
    write_run(tmp_path / "runs/a", SUCCESS)
    write_run(tmp_path / "runs/theirs", SUCCESS, seeds=(2, 3))
    is_file = pathlib.Path.is_file

    def seen(path):
        if path.parent.name == "theirs":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(pathlib.Path, "is_file", seen)
    assert run_report(tmp_path) == 0
    said = f"report: Left out: {tmp_path}/runs/theirs/flags.flags cannot be used (Permission denied)"
    assert said in capsys.readouterr().err


def test_a_malformed_run_alone_is_an_error(tmp_path, capsys):
    folder = write_run(tmp_path / "runs/a", SUCCESS)
    (folder / "eval.csv").write_text("a,b\n")
    assert run_report(tmp_path) == 2
    assert capsys.readouterr().err.startswith(f"report: {folder}/eval.csv begins with 'a,b'")


@pytest.mark.parametrize("name", ["[a]", "a*", "what?", "back\\slash"])
def test_a_path_that_exists_is_no_pattern(tmp_path, name):
    write_run(tmp_path / name / "one", SUCCESS)
    for pattern in (f"{tmp_path}/{name}/one", f"{tmp_path}/{name}/**", f"{tmp_path}/{name}/*"):
        assert report.main([pattern, "--out", str(tmp_path / "report")]) == 0


def test_the_papers_figures_are_those_of_its_tables():
    by_number = {table["number"]: table for table in tables.PAPER["tables"]}
    assert [len(by_number[number]["rows"]) for number in (1, 2, 8)] == [7, 4, 5]
    one, two = ({row["name"]: row["paper"] for row in by_number[number]["rows"]} for number in (1, 2))
    for name in ("CARE", "CMTA"):  # the paper prints them twice
        assert two[name].items() <= one[name].items()
    pairs = [pair for table in by_number.values() for row in table["rows"] for pair in row["paper"].values()]
    assert len(pairs) == 26 + 8 + 10 and all(smoothed < raw for smoothed, raw in pairs)
    assert one["Single-SAC"].keys() == {"mt10 fixed", "mt10 mixed"}


def test_latex_escapes_what_it_must():
    line = tables.Line("100% of_a & b", None, None)
    table = tables.Table(1, "T", (tables.Block(Cell("mt10", "mixed"), "", (line,), ()),))
    text = formats.latex(table)
    assert r"100\% of\_a \& b & not reported & no run" in text
    assert text.count(r"\\") == 4  # groups, header, block, line


def test_titles_and_file_names_of_cells():
    assert cells.title(Cell("mt50", "fixed")) == "MT50-Fixed"
    assert cells.title(Cell("a-v3,b-v3,c-v3,d-v3", "mixed")) == "a, b, c and 1 more (mixed)"
    assert cells.file_name(Cell("reach-v3,push-v3", "mixed")) == "reach_v3_push_v3_mixed"
    long = [cells.file_name(Cell(",".join(["task-v3"] * 20 + [end]), "mixed")) for end in "ab"]
    assert len(set(long)) == 2 and max(map(len, long)) < 64
