"""A sweep runs every cell once, whatever is killed in between, and the same command goes on."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import types

import pytest
import quick_sweep
from toy_sweep import FAILING, PYTHONPATH, SEEDS, folders, main

from cmta_jax.storage.lock import FolderLock
from experiments import sweep
from experiments.sweeps import cores, hours, pinned
from experiments.sweeps.cores import claimed, divide, usable_cores
from experiments.sweeps.folders import SweepRun, finished, in_use
from experiments.sweeps.job import Job
from experiments.sweeps.rows import TABLES, Cell, find_cells, seed_groups


@pytest.fixture(autouse=True)
def paths_of_jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Two jobs at a time."""
    out = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", PYTHONPATH)
        assert main(out, "--jobs=2") == 0
    return out


def starts(folder):
    return len(folder.with_name(folder.name + ".starts").read_text().splitlines())


def test_two_jobs_run_at_a_time(undisturbed):
    began, ended = zip(
        *((folder / "flags.flags", folder / "final.csv") for folder in folders(undisturbed)), strict=True
    )
    assert max(file.stat().st_mtime for file in began) < min(file.stat().st_mtime for file in ended)


def test_the_same_command_again_runs_nothing_and_reports(undisturbed, capfd):
    assert main(undisturbed) == 0
    assert capfd.readouterr().out.splitlines() == [
        "finished before: mt10_mixed/mtmhsac/seeds_3",
        "finished before: mt10_mixed/mtmhsac/seeds_4",
        "2 of 2 runs are finished",
        f"report: {undisturbed}/report/report.md",
    ]
    assert [starts(folder) for folder in folders(undisturbed)] == [1, 1]


def test_status_reads_the_folders_alone(undisturbed, capfd):
    assert sweep.main(["--status", f"--out={undisturbed}"]) == 0
    header, *rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert header == ["run", "state", "step", "success", "time", "left"]
    assert [row[:3] for row in rows] == [[f"mt10_mixed/mtmhsac/{seeds}", "finished", "40/40"] for seeds in SEEDS]


def test_a_job_and_the_sweep_are_killed_and_the_same_command_goes_on(tmp_path):
    """The first start kills itself, the second the sweep."""
    asked, folder = quick_sweep.command("local", "self,sweep", tmp_path), tmp_path / quick_sweep.NAME
    first = subprocess.run(asked, capture_output=True, text=True)
    assert (first.returncode, first.stderr) == (-signal.SIGKILL, "")
    name = quick_sweep.NAME
    assert first.stdout.splitlines() == [
        f"starting: {name}",
        f"trying again: {name}: it was killed by SIGKILL; its last line: begun",
        f"going on with: {name}",
    ]
    until_free(folder)
    second = subprocess.run(asked, capture_output=True, text=True)
    assert second.stdout.splitlines() == [f"going on with: {name}", f"finished: {name}", "1 of 1 runs are finished"]
    said = folder.with_name("seeds_3.log").read_text().splitlines()
    assert said == ["begun", "gone on with", "stopped and saved", "gone on with"]  # saved when the sweep died
    first, *others = folder.with_name("seeds_3.starts").read_text().splitlines()
    assert others == [f"{first} --resume"] * 2 and first == f"--workdir={folder} --seed=3"


def test_a_project_with_experiments_of_its_own_can_sweep(tmp_path, monkeypatch):
    """Runs start in the working directory, where `python -m experiments.run` would find that package."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text("raise SystemExit('theirs')")
    monkeypatch.chdir(tmp_path)
    run = SweepRun(tmp_path / "run", ("--help",))
    assert Job(run).outcome() == "" and "--flagfile=quickstart.flags" in run.output.read_text()


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


def until_free(folder):
    deadline = time.monotonic() + 60
    while in_use(folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_sigterm_stops_the_runs_which_save_themselves(tmp_path, capfd):
    folder, over = folders(tmp_path)[0], threading.Event()

    def ask_to_end():
        while not (folder / "checkpoints").is_dir() or not [*(folder / "checkpoints").glob("step-*.json")]:
            if over.wait(0.02):
                return
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_to_end)
    asking.start()
    try:
        assert main(tmp_path, waits_at=25) == 128 + signal.SIGTERM
    finally:
        over.set()
        asking.join()
    said = capfd.readouterr().out.splitlines()
    assert said[-2:] == ["stopping: the runs save themselves", "stopped; the same command goes on"]
    FolderLock(folder).close()  # its run has ended
    assert "stopped and saved" in folder.with_name("seeds_3.log").read_text()


def test_a_run_that_fails_is_tried_again_and_reported(tmp_path, capfd):
    assert main(tmp_path, "--tries=3", "--seeds=3", program=FAILING) == 1
    name = "mt10_mixed/mtmhsac/seeds_3"
    captured = capfd.readouterr()
    assert captured.out.splitlines() == [
        f"starting: {name}", f"trying again: {name}: error: no luck",
        f"starting: {name}", f"trying again: {name}: error: no luck",
        f"starting: {name}", f"failed: {name}: error: no luck",
        "0 of 1 runs are finished", f"failed: {name}: error: no luck",
    ]  # fmt: skip
    assert captured.err.startswith("sweep: no report: ")
    assert not finished(folders(tmp_path)[0])
    assert sweep.main(["--status", f"--out={tmp_path}"]) == 0
    assert re.search(rf"{name} +failed", capfd.readouterr().out)


def test_a_run_in_use_is_waited_for(tmp_path, capfd, monkeypatch):
    folder = folders(tmp_path)[0]
    lock = FolderLock(folder)
    pause = types.SimpleNamespace(sleep=lambda seconds: lock.close())
    monkeypatch.setattr("experiments.sweeps.schedule.time", pause)
    assert main(tmp_path, "--seeds=3", program=FAILING) == 1
    name = "mt10_mixed/mtmhsac/seeds_3"
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == [f"waiting: {name}: another process is running in {folder}", f"starting: {name}"]


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
        (["--benchmarks=mt11"], "--benchmarks=mt11 is unknown: give some of few, mt10_fixed, mt10_medium, mt10_mixed"),
        (["--seeds=0-"], "--seeds=0- is not a list of seeds: write it as 0-7 or 0,2,5-6."),
        (["--seeds=7-0"], "--seeds=7-0 is not a list of seeds"),
        (["--seeds=0-99999"], "--seeds=0-99999 is more than 10000 seeds"),
        (["--jobs=100000"], "--jobs=100000 is more than the"),
        (["--jobs=0"], "jobs"),
        (["--out="], "A sweep needs a folder"),
        (["--launcher=cloud"], "--launcher=cloud is unknown: give local, ray, slurm."),
        (["--cpus=2"], "--cpus and --gpus are for --launcher=ray and slurm"),
        (["--launcher=slurm"], "--launcher=slurm finds no sbatch"),
        (
            ["--launcher=ray", "--ray_address=127.0.0.1:1"],
            "--ray_address=127.0.0.1:1 does not answer (Connection refused)",
        ),
        (["--launcher=ray", "--ray_address=nowhere"], "--ray_address=nowhere does not answer"),
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


@pytest.mark.parametrize(("launcher", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_launcher_without_its_package_says_what_to_install(tmp_path, capfd, monkeypatch, launcher, package):
    for name in [name for name in sys.modules if name.startswith("experiments.sweeps.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(tmp_path / "none", f"--launcher={launcher}") == 2
    assert capfd.readouterr().err == f"sweep: --launcher={launcher} needs {package}: pip install {package}.\n"


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
    assert main(tmp_path / "none", "--print", "--nopredict", "--seeds_per_run=2") == 0
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith("python -m experiments.run --flagfile=mt10_mixed/mtmhsac.flags --benchmark=reach-v3,push-v3")
    assert line.endswith(f"--seed=3 --num_seeds=2 --workdir={tmp_path}/none/mt10_mixed/mtmhsac/seeds_3-4")
    assert not (tmp_path / "none").exists()


def test_print_tells_the_hours_of_each_run_and_of_all(tmp_path, capfd, monkeypatch):
    """A run of this sweep has half the cores where two jobs run, and one where SLURM is asked."""
    monkeypatch.setattr(cores, "usable_cores", lambda: [0, 1, 2, 3])
    asked = []
    monkeypatch.setattr(
        hours, "predict", lambda runs, own: asked.append(own) or zip(runs, (1200.0, 0.064), strict=True)
    )
    assert main(tmp_path, "--print", "--jobs=2") == 0
    name = "mt10_mixed/mtmhsac/seeds"
    assert capfd.readouterr().out.splitlines()[-3:] == [
        f"# {name}_3: 1,200.0 hours",
        f"# {name}_4: 0.06 hours",
        "# all: 1,200.1 hours one after another, about 600.0 with --jobs=2",
    ]
    assert main(tmp_path, "--print", "--launcher=slurm", "--jobs=16") == 0
    assert asked == [[0, 1], [0]]


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


def test_cores_are_claimed_once_among_processes_that_do_not_know_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("experiments.sweeps.cores.usable_cores", lambda: [4, 5, 6])
    with claimed(2) as first, claimed(2) as second, claimed(2) as third:
        assert (first, second, third) == ([4, 5], [6], [4, 5, 6])  # the third has to share
    with claimed(1) as again:
        assert again == [4]


def test_a_job_is_pinned_before_its_program_starts():
    core = max(usable_cores())
    script = [sys.executable, str(pathlib.Path(pinned.__file__)), str(os.getpid()), str(core)]
    job = [*script, sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    assert subprocess.run(job, capture_output=True, text=True).stdout == f"{{{core}}}\n"
