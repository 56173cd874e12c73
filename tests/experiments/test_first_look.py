"""The first look at a run: its table and its picture."""

import numpy as np
import pytest
from run_folders import write_run

from experiments import first_look

SUCCESS = [[[1, 0], [1, 1]], [[1, 0], [1, 0]]]  # [S, T, N]


@pytest.mark.usefixtures("drawn")
def test_the_table_of_tasks_by_hand(tmp_path, capsys):
    final = np.zeros((2, 2, 50))
    final[:, 0] = 1  # 100 of 100; Wilson's lower bound is 100 / (100 + 1.96^2) = 96.3 %
    assert first_look.main([str(write_run(tmp_path / "a", SUCCESS, final=final))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "CMTA, MT10-Mixed, 2 seeds, 6,000 steps per task"
    assert lines[2].split() == ["reach-v3", "100.0", "100.0", "100.0", "[96.3,", "100.0]"]
    # push: means 0, 0.5; smoothed 0, 0.1
    assert lines[3].split() == ["push-v3", "50.0", "10.0", "0.0", "[0.0,", "3.7]"]
    assert lines[4].split() == ["mean", "of", "2", "tasks", "75.0", "55.0", "50.0"]
    assert lines[5] == "The paper's metrics for this run: max smoothed 55.00%, max 75.00%."
    assert (tmp_path / "a/success.png").read_bytes()[:4] == b"\x89PNG"


def test_a_run_that_has_not_ended_has_no_final_success(tmp_path, capsys):
    assert first_look.main([str(write_run(tmp_path / "a", SUCCESS))]) == 0
    assert capsys.readouterr().out.count("none yet") == 3


@pytest.mark.parametrize("arguments", [[], ["--workdir=x"], ["/nowhere"]])
def test_a_bad_command_line_is_one_sentence_and_status_2(capsys, arguments):
    assert first_look.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
