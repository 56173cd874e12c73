"""Sweeps under SLURM: jobs by submitit's executor for one machine, scripts by stand-ins for SLURM's commands."""

import pathlib
import signal
import time
import types

import psutil
import pytest
from toy_sweep import FAILING, PYTHONPATH, main

from cmta_jax.storage.lock import FolderLock
from experiments.sweeps import slurm
from experiments.sweeps.folders import SweepRun, finished
from experiments.sweeps.launcher import Request
from experiments.sweeps.ray_cluster import _train
from experiments.sweeps.slurm import SlurmLauncher, Training

QUICK = str(pathlib.Path(__file__).parents[1] / "support" / "quick_job.py")


def runs(out, number):
    return [
        SweepRun(folder, (f"--workdir={folder}",))
        for seed in range(number)
        for folder in [out / "mt10_mixed" / "care" / f"seeds_{seed}"]
    ]


def until(condition):
    ends = time.monotonic() + 100
    while not (found := condition()):
        assert time.monotonic() < ends
        time.sleep(0.05)
    return found


def test_a_job_that_is_out_of_time_saves_its_run_and_goes_on_with_it(tmp_path, monkeypatch):
    """The signal of which submitit's executor for one machine says that it comes 30 seconds before the end."""
    monkeypatch.setattr(slurm, "CLUSTER", "local")
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)
    launcher = SlurmLauncher(Request(tmp_path, program=(QUICK, "nobody")))
    launcher._executor._executor.update_parameters(timeout_min=5)
    (run,) = runs(tmp_path, 1)
    launcher.start([run])
    until(lambda: run.output.is_file() and "begun" in run.output.read_text())
    (task,) = psutil.Process(launcher._jobs[run]._process.pid).children()
    task.send_signal(signal.SIGUSR2)
    assert until(launcher.ended) == {run: ""}
    assert run.output.read_text() == "begun\nstopped and saved\ngone on with\n" and finished(run.folder)
    launcher.stop()


def test_a_job_that_comes_late_does_not_run_again_what_is_finished(tmp_path, monkeypatch):
    """A requeued job, or a Ray task that is started again; a run that another process still uses is waited for."""
    monkeypatch.chdir(tmp_path)
    (run,) = runs(tmp_path, 1)
    lock = FolderLock(run.folder)
    (run.folder / "flags.flags").touch()

    def other_process_ends(seconds):
        (run.folder / "final.csv").touch()
        lock.close()

    monkeypatch.setattr("experiments.sweeps.job.time", types.SimpleNamespace(sleep=other_process_ends))
    assert Training(run, FAILING)() == ""
    assert _train(run, FAILING, 1, 0, str(tmp_path)) == ""
    assert not run.output.exists()


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Stand-ins for SLURM's commands that write down how they were called; jobs 17_0 and 17_1 run for ever."""
    folder = tmp_path / "bin"
    folder.mkdir()
    says = {
        "srun": "",
        "scancel": "",
        "sbatch": "echo Submitted batch job 17",
        "sacct": "printf 'JobID|State|NodeList\\n17_0|RUNNING|a\\n17_1|RUNNING|b\\n'",
    }
    for name, line in says.items():
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\n{line}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return lambda: (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""


def test_runs_are_one_array_job_that_the_next_sweep_takes_over(tmp_path, cluster):
    request = Request(
        tmp_path / "out", jobs=2, cpus=8, gpus=1, slurm=("partition=long", "time=90", "mem=32G"), program=(QUICK,)
    )
    two = runs(request.out, 2)
    launcher = SlurmLauncher(request)
    launcher.start(two)
    script = request.out / "slurm" / "17_submission.sh"
    lines = script.read_text().splitlines()
    for option in (
        "array=0-1%2", "cpus-per-task=8", "gpus-per-node=1", "partition=long", "time=90", "mem=32G", "requeue",
        "signal=USR2@90", "open-mode=append", "job-name=sweep",
    ):  # fmt: skip
        assert f"#SBATCH --{option}" in lines
    assert lines[-1].startswith("srun ") and "-m submitit.core._submit" in lines[-1]
    assert cluster().count("sbatch") == 1
    second = SlurmLauncher(request)  # the first sweep was killed
    second.start(two)
    assert cluster().count("sbatch") == 1 and [*second.running] == two and second.ended() == {}
    second.stop()
    calls = cluster().splitlines()
    assert "scancel 17_0" in calls and "scancel 17_1" in calls
    assert (request.out / "slurm" / "jobs.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--slurm=partition"], "--slurm=partition: write sbatch's options as partition=gpu, time in minutes."),
        (["--slurm=time=1-00:00"], "--slurm=time=1-00:00: write sbatch's options as partition=gpu, time in minutes."),
        (["--gpus=0.5"], "--gpus=0.5 is a share of a GPU, which SLURM does not give: use whole ones."),
    ],
)
def test_bad_options_give_one_sentence(tmp_path, cluster, capfd, flags, words):
    assert main(tmp_path / "out", "--launcher=slurm", *flags) == 2
    assert capfd.readouterr().err == f"sweep: {words}\n" and not cluster()


def test_what_sbatch_refuses_is_one_sentence(tmp_path, cluster, capfd):
    refusal = "#!/bin/sh\necho 'sbatch: error: invalid partition: nowhere' >&2\nexit 1\n"
    (tmp_path / "bin" / "sbatch").write_text(refusal)
    assert main(tmp_path / "out", "--launcher=slurm", "--slurm=partition=nowhere") == 2
    last = capfd.readouterr().err.splitlines()[-1]  # submitit prints what sbatch printed before
    assert last == "sweep: sbatch refused the job: sbatch: error: invalid partition: nowhere"
