"""Run folders read back, whole, unfinished and broken."""

import numpy as np
import pytest
from run_folders import write_run

from cmta_jax.results.reading import NoEvaluation, UnfinishedWarning, find_runs, read_run
from cmta_jax.storage.flags_file import Flags, differences

SUCCESS = [[[0, 0.5], [1, 0.25]], [[0, 0], [0.75, 1]]]  # [S=2, T=2, N=2]


def append(path, text):
    path.write_text(path.read_text() + text)


def test_a_run_is_read_with_the_shapes_that_its_files_have(tmp_path):
    final = np.arange(12).reshape(2, 2, 3) / 12
    run = read_run(write_run(tmp_path / "a", SUCCESS, seeds=(3, 4), final=final))
    assert (run.seeds, run.tasks, run.goal_sets) == ((3, 4), ("reach-v3", "push-v3"), 3)
    np.testing.assert_array_equal(run.steps, [3000, 6000])
    np.testing.assert_array_equal(run.success, SUCCESS)
    np.testing.assert_allclose(run.final, final.mean(axis=2), rtol=1e-15)


def test_a_run_without_final_episodes_has_none(tmp_path):
    run = read_run(write_run(tmp_path / "a", SUCCESS))
    assert run.final.shape == (0, 2) and run.goal_sets == 0


def test_flags_are_text_numbers_and_switches(tmp_path):
    flags = {"cmta.num_experts": 4, "nocmta.temporal": "", "resume": "", "x": None}
    flags = read_run(write_run(tmp_path / "a", SUCCESS, flags=flags)).flags
    assert flags.number("cmta.num_experts", 6) == 4 and flags.number("x", 6) == 6
    assert not flags.enabled("cmta.temporal", True) and flags.enabled("resume", False) and flags.enabled("x", True)
    assert flags.text("method") == "cmta" and flags.text("x") is None
    with pytest.raises(ValueError, match="--method=cmta is not a number"):
        flags.number("method", 0)


def test_differences_know_that_no_means_false():
    first = Flags({"a": "1", "temporal": "true", "same": "x", "noquiet": "true"})
    second = Flags({"a": "2", "notemporal": "true", "same": "x", "quiet": "false", "new": "0"})
    assert differences(first, second) == ["a", "new", "temporal"]


@pytest.mark.parametrize("tail", ["9000,0,re", "9000", "9000,0,reach-v3,1.0,3.5"])
def test_a_half_written_last_row_is_left_out_with_a_warning(tmp_path, tail):
    folder = write_run(tmp_path / "a", SUCCESS)
    append(folder / "eval.csv", tail)
    with pytest.warns(UnfinishedWarning, match="the last row is half written; it is left out"):
        np.testing.assert_array_equal(read_run(folder).success, SUCCESS)


def test_a_half_written_last_evaluation_is_left_out_with_a_warning(tmp_path):
    folder = write_run(tmp_path / "a", SUCCESS)
    append(folder / "eval.csv", "9000,0,reach-v3,1.0,3.5\n")
    with pytest.warns(UnfinishedWarning, match="the evaluation at step 9000 is incomplete"):
        np.testing.assert_array_equal(read_run(folder).steps, [3000, 6000])


def test_final_episodes_that_miss_goal_sets_are_left_out_with_a_warning(tmp_path):
    folder = write_run(tmp_path / "a", SUCCESS, final=np.ones((2, 2, 2)))
    lines = (folder / "final.csv").read_text().splitlines()
    (folder / "final.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.warns(UnfinishedWarning, match="does not hold the same goal sets"):
        assert read_run(folder).goal_sets == 0


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("9000,0,reach-v3,1.0\n3,", "line 10 has 4 columns instead of 5"),
        ("9000,0,reach-v3,1.5,0\n", "line 10: '1.5' is not a success"),
        ("9000,0,reach-v3,nan,0\n", "line 10: 'nan' is not a success"),
        ("-1,0,reach-v3,1,0\n", "line 10: '-1' is not a step"),
        (f"{2**63},0,reach-v3,1,0\n", "is not a step"),
        ("9000,0,,1,0\n", "line 10: '' is not a task"),
        ("6000,0,reach-v3,1,0\n", "holds step 6000, seed 0, reach-v3 twice"),
        ("4000,0,reach-v3,1,0\n", "the evaluation at step 4000 lacks rows"),
    ],
)
@pytest.mark.filterwarnings("ignore::cmta_jax.results.reading.UnfinishedWarning")
def test_a_row_that_cannot_be_is_refused_by_line(tmp_path, row, sentence):
    folder = write_run(tmp_path / "a", SUCCESS)
    append(folder / "eval.csv", row)
    with pytest.raises(ValueError, match=sentence):
        read_run(folder)


@pytest.mark.parametrize("text", ["", "step,se", "step,seed,task,success,episode_return\n"])
def test_a_run_that_has_not_evaluated_yet_says_so(tmp_path, text):
    folder = write_run(tmp_path / "a", SUCCESS)
    (folder / "eval.csv").write_text(text)
    with pytest.raises(NoEvaluation, match="no complete evaluation yet"):
        read_run(folder)


def test_foreign_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is not a run folder: it has no flags.flags"):
        read_run(tmp_path)
    folder = write_run(tmp_path / "a", SUCCESS)
    (folder / "eval.csv").write_bytes(b"\x93NUMPY\xff\n1,2\n")
    with pytest.raises(ValueError, match="instead of 'step,seed,task,success,episode_return'"):
        read_run(folder)
    (folder / "flags.flags").write_text("name: yaml\n")
    with pytest.raises(ValueError, match="line 1: 'name: yaml' is not a flag"):
        read_run(folder)


def test_a_final_task_that_the_run_does_not_know_is_refused(tmp_path):
    folder = write_run(tmp_path / "a", SUCCESS, final=np.ones((2, 2, 1)))
    append(folder / "final.csv", "0,sweep-v3,0,1,1\n")
    with pytest.raises(ValueError, match="has the task 'sweep-v3'"):
        read_run(folder)


def test_patterns_find_run_folders_once_and_not_those_inside_others(tmp_path):
    first, second = write_run(tmp_path / "runs/a", SUCCESS), write_run(tmp_path / "runs/deep/b", SUCCESS)
    write_run(first / "checkpoints/6000", SUCCESS)
    assert find_runs([f"{tmp_path}/runs/**", str(second)]) == [first, second]


def test_patterns_without_a_run_folder_are_refused_with_a_remedy(tmp_path):
    write_run(tmp_path / "runs/a", SUCCESS)
    with pytest.raises(ValueError, match=r"matches '.*/runs': did you mean '.*/runs/\*\*'\?"):
        find_runs([str(tmp_path / "runs")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="No run folder"):
        find_runs([str(tmp_path / "empty")])
    with pytest.raises(ValueError, match="No run folder"):
        find_runs([str(tmp_path / "runs/**"), str(tmp_path / "nowhere/*")])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text + "\n\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("3000,0,", "3000.0,0.0,"),
        lambda text: text + "\0\0\0\n",
    ],
    ids=["byte order mark", "blank last lines", "line ends of Windows", "300.0", "zero bytes after a crash"],
)
def test_what_editors_and_crashes_do_to_a_table_is_understood(tmp_path, change):
    folder = write_run(tmp_path / "a", SUCCESS)
    path = folder / "eval.csv"
    path.write_text(change(path.read_text()), newline="")
    np.testing.assert_array_equal(read_run(folder).success, SUCCESS)


def test_seeds_are_in_their_order_whatever_that_of_the_rows(tmp_path):
    success = np.array([[[0.0, 1.0]], [[0.5, 0.25]]])
    folder = write_run(tmp_path / "run", success, seeds=(4, 5))
    header, *rows = (folder / "eval.csv").read_text().splitlines()
    (folder / "eval.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    run = read_run(folder)
    assert run.seeds == (4, 5)
    np.testing.assert_array_equal(run.success[..., ::-1], success)  # the tasks are in the order of the rows
