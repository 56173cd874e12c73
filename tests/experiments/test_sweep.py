"""A sweep runs every cell once, whatever is killed in between, and the same command goes on."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import toy_sweep
from toy_sweep import main

from cmta_jax.storage.lock import FolderLock
from experiments import sweep
from experiments.sweeps import pinned
from experiments.sweeps.cells import finished
from experiments.sweeps.local import divide
from experiments.sweeps.rows import TABLES, Cell, find_cells, seed_groups

ROOT = pathlib.Path(__file__).parents[2]
PYTHONPATH = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "support")))
SEEDS = ("seeds_3", "seeds_4")
TABLES_OF_A_RUN = ("eval.csv", "final.csv")


def folders(out):
    return [out / "mt10_mixed" / "mtmhsac" / seeds for seeds in SEEDS]


def tables(out):
    return [(folder / name).read_bytes() for folder in folders(out) for name in TABLES_OF_A_RUN]


@pytest.fixture(autouse=True)
def paths_of_jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", PYTHONPATH)
        assert main(out) == 0
    return out


def test_the_same_command_again_skips_finished_runs(undisturbed, capfd):
    times = [folder.joinpath("run.log").stat().st_mtime_ns for folder in folders(undisturbed)]
    assert main(undisturbed) == 0
    assert capfd.readouterr().out.splitlines() == [
        "finished before: mt10_mixed/mtmhsac/seeds_3",
        "finished before: mt10_mixed/mtmhsac/seeds_4",
        "2 of 2 runs are finished",
    ]
    assert [folder.joinpath("run.log").stat().st_mtime_ns for folder in folders(undisturbed)] == times


def test_status_reads_the_folders_alone(undisturbed, capfd):
    assert sweep.main(["--status", f"--out={undisturbed}"]) == 0
    header, *rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert header == ["run", "state", "step", "success"]
    assert [row[:3] for row in rows] == [[f"mt10_mixed/mtmhsac/{seeds}", "finished", "40/40"] for seeds in SEEDS]


def test_runs_that_are_killed_are_tried_again_reported_and_gone_on_with(undisturbed, tmp_path, capfd):
    """At step 47 a run has the checkpoint of its step 15; its second try ends at its own 47th step."""
    assert main(tmp_path, "--tries=2", "--seeds=3", killed=("SIGKILL", "47")) == 1
    name = "mt10_mixed/mtmhsac/seeds_3"
    lines = capfd.readouterr().out.splitlines()
    assert [line.partition(": it was killed by SIGKILL; its last line: ")[0] for line in lines] == [
        f"starting: {name}", f"trying again: {name}", f"going on with: {name}", f"failed: {name}",
        "0 of 1 runs are finished", f"failed: {name}",
    ]  # fmt: skip
    assert not finished(folders(tmp_path)[0])
    assert main(tmp_path) == 0
    assert tables(tmp_path) == tables(undisturbed)


def test_files_that_others_put_beside_checkpoints_do_not_count(tmp_path):
    """A copy by hand or by a synchronising program; and a flag that was edited by hand."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "final.csv").touch()
    (tmp_path / "flags.flags").write_text("--steps_per_task=4e1\n")
    (tmp_path / "checkpoints" / "step-000000020.json").touch()
    (tmp_path / "checkpoints" / "step-000000040 (copy).json").touch()
    assert not finished(tmp_path)
    (tmp_path / "checkpoints" / "step-000000040.json").touch()
    assert finished(tmp_path)


def test_a_sweep_that_is_killed_goes_on_with_the_same_command(undisturbed, tmp_path, capfd):
    """Its job gets SIGTERM from the system, saves, and is gone on with; the second run has not begun."""
    script = [sys.executable, toy_sweep.__file__, *toy_sweep.NEVER, str(tmp_path)]
    with subprocess.Popen(script, stdout=subprocess.DEVNULL) as process:
        until(process, lambda: (folders(tmp_path)[0] / "eval.csv").is_file())
        process.kill()
    assert main(tmp_path) == 0
    assert tables(tmp_path) == tables(undisturbed)
    assert "starting: mt10_mixed/mtmhsac/seeds_4" in capfd.readouterr().out


def test_sigterm_stops_the_runs_which_save_themselves(tmp_path):
    script = [sys.executable, toy_sweep.__file__, *toy_sweep.NEVER, str(tmp_path)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as process:
        until(process, lambda: (folders(tmp_path)[0] / "run.log").is_file())
        process.send_signal(signal.SIGTERM)
        lines = process.stdout.read().splitlines()
    assert process.returncode == 128 + signal.SIGTERM
    assert lines[-2:] == ["stopping: the runs save themselves", "stopped; the same command goes on"]
    FolderLock(folders(tmp_path)[0]).close()  # its run has ended


def until(process, condition):
    while not condition():
        assert process.poll() is None
        time.sleep(0.02)


def test_a_run_in_use_is_waited_for(undisturbed, capfd, monkeypatch):
    lock = FolderLock(folders(undisturbed)[0])
    monkeypatch.setattr("time.sleep", lambda seconds: lock.close())
    assert main(undisturbed) == 0
    assert capfd.readouterr().out.startswith("waiting: mt10_mixed/mtmhsac/seeds_3: another process is running in ")


def test_a_second_sweep_in_one_folder_is_refused(tmp_path, capfd):
    lock = FolderLock(tmp_path)
    assert main(tmp_path) == 2
    lock.close()
    assert capfd.readouterr().err == (
        f"sweep: Another sweep is running in {tmp_path}: end it, or give another --out.\n"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--rows=carel"], "--rows=carel is unknown"),
        (["--rows="], "A sweep needs rows and benchmarks"),
        (["--rows=table_2", "--benchmarks=mt10_fixed"], "--rows=table_2 has no runs on mt10_fixed"),
        (["--benchmarks=mt11"], "--benchmarks=mt11 is unknown: give some of mt10_fixed, mt10_mixed"),
        (["--seeds=0-"], "--seeds=0- is not a list of seeds: write it as 0-7 or 0,2,5-6."),
        (["--seeds=7-0"], "--seeds=7-0 is not a list of seeds"),
        (["--seeds=0-99999"], "--seeds=0-99999 is more than 10000 seeds"),
        (["--jobs=100000"], "--jobs=100000 is more than the"),
        (["--jobs=0"], "jobs"),
        (["--out="], "A sweep needs a folder"),
        (["--launcher=ray"], "--launcher=ray is unknown: give local."),
        (["--steps=3"], "Unknown command line flag 'steps'"),
        (["--flagfile=missing.flags"], "Flagfile 'missing.flags' is not there"),
        (["--flagfile=methods/care.flags"], "--method=care contradicts the row mtmhsac, whose method is mtmhsac"),
        (["--status"], "holds no runs of a sweep"),
    ],
)
def test_bad_input_gives_one_sentence(tmp_path, capfd, flags, words):
    assert main(tmp_path / "none", *flags) == 2
    error = capfd.readouterr().err
    assert error.startswith("sweep: ") and words in error and error.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--seed=1", "--seed is set by the sweep for each run: leave it out."),
        ("--horizon=7", "--eval_every=20 is not a multiple of --horizon=7"),
        ("--horisont=7", "Unknown flag --horisont"),
    ],
)
def test_a_wrong_flag_for_every_run_is_refused_before_anything_starts(tmp_path, capfd, flag, words):
    assert main(tmp_path / "none", shared=[flag]) == 2
    assert words in capfd.readouterr().err and not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("flags", "shared", "words"),
    [
        ([], ["--steps_per_task=60"], "--steps_per_task=40, now it is 60"),
        ([], ["--discount=0.5"], "--discount=0.99, now it is 0.5"),
        (["--seeds_per_run=2"], [], "has seeds of seeds_3-4: give its --seeds_per_run, or another --out."),
    ],
)
def test_another_sweep_in_the_folder_of_a_finished_one_is_refused(undisturbed, capfd, flags, shared, words):
    assert main(undisturbed, *flags, shared=shared) == 2
    assert words in capfd.readouterr().err


def test_print_starts_nothing(tmp_path, capfd):
    assert main(tmp_path / "none", "--print", "--seeds_per_run=2") == 0
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith("python -m experiments.run --flagfile=mt10_mixed/mtmhsac.flags --benchmark=reach-v3,push-v3")
    assert line.endswith(f"--seed=3 --num_seeds=2 --workdir={tmp_path}/none/mt10_mixed/mtmhsac/seeds_3-4")
    assert not (tmp_path / "none").exists()


def test_rows_are_tables_rows_or_flagfiles():
    table = find_cells(["table_2"], ["mt10_mixed"])
    assert table == [Cell("mt10_mixed", row) for row in ("care", "care_cl", "cmta_no_cl", "cmta")]
    for name in ("CARE + CL", "care_cl", "care_cl.flags"):
        assert find_cells([name], ["mt10_mixed"]) == [Cell("mt10_mixed", "care_cl")]
    assert find_cells(["table2", "cmta"], ["mt10_mixed"]) == table  # each once
    assert len(find_cells(["table1"], ["mt50_mixed"])) == len(TABLES["table1"]) - 1  # no Single-SAC there


def test_seeds_are_grouped_where_they_are_consecutive():
    groups = [[*group] for group in seed_groups("8-9,0-4,7", 2)]
    assert groups == [[0, 1], [2, 3], [4], [7, 8], [9]]


def test_jobs_have_cores_of_their_own():
    assert divide([0, 1, 2, 5, 6], 2) == [[0, 1], [2, 5, 6]]
    with pytest.raises(ValueError, match="--jobs=3 is more than the 2 cores"):
        divide([0, 1], 3)


def test_a_job_is_pinned_before_its_program_starts():
    core = max(os.sched_getaffinity(0))
    script = [sys.executable, str(pathlib.Path(pinned.__file__)), str(os.getpid()), str(core)]
    job = [*script, sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    assert subprocess.run(job, capture_output=True, text=True).stdout == f"{{{core}}}\n"
