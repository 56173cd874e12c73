"""Sweeps on Ray, with a real cluster of this machine."""

import signal
import subprocess

import pytest
import quick_sweep
import ray
from toy_sweep import PYTHONPATH

from experiments.sweeps import ray_cluster


@pytest.fixture(autouse=True)
def paths_of_jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)


def test_a_job_a_worker_and_the_sweep_are_killed_and_the_same_command_goes_on(tmp_path):
    """The first start kills itself; the second its Ray worker, and Ray starts it again; the third kills the sweep."""
    asked, folder = quick_sweep.command("ray", "self,parent,sweep", tmp_path), tmp_path / quick_sweep.NAME
    name = quick_sweep.NAME
    first = subprocess.run(asked, capture_output=True, text=True)
    said = [line for line in first.stdout.splitlines() if f": {name}" in line]  # Ray says something, too
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert said == [
        f"starting: {name}",
        f"trying again: {name}: it was killed by SIGKILL; its last line: begun",
        f"going on with: {name}",
    ]  # and nothing when Ray itself replaced the worker
    second = subprocess.run(asked, capture_output=True, text=True)
    assert second.stdout.splitlines()[:3] == [f"going on with: {name}", f"finished: {name}", "1 of 1 runs are finished"]
    log = folder.with_name("seeds_3.log").read_text()
    assert log.count("stopped and saved") == 2 and log.endswith("gone on with\n")  # saved when its parents died
    first, *others = folder.with_name("seeds_3.starts").read_text().splitlines()
    assert others == [f"{first} --resume"] * 3


@pytest.mark.parametrize(
    ("cpus", "gpus", "jobs", "words"),
    [
        (16, 1, None, "No machine of the Ray cluster has 16 cores and 1 GPUs: give smaller --cpus and --gpus."),
        (2, 1.5, None, "No machine of the Ray cluster has 2 cores and 1.5 GPUs: give smaller --cpus and --gpus."),
        (4, 0, 6, "--jobs=6 with 4 cores each is more than the 20 cores of the Ray cluster."),
    ],
)
def test_runs_that_the_cluster_has_no_room_for_are_refused(monkeypatch, cpus, gpus, jobs, words):
    machines = [({"CPU": 8.0, "GPU": 1.0}, True), ({"CPU": 12.0}, True), ({"CPU": 64.0, "GPU": 8.0}, False)]
    monkeypatch.setattr(ray, "nodes", lambda: [{"Resources": has, "Alive": alive} for has, alive in machines])
    ray_cluster._check_size(8, 0.5, 2)
    with pytest.raises(ValueError, match=words):
        ray_cluster._check_size(cpus, gpus, jobs)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ray.exceptions.TaskCancelledError(), "TaskCancelledError"),  # as after Ctrl-C; it has no message
        (ray.exceptions.WorkerCrashedError(), "The worker died unexpectedly while executing this task."),
        (
            ray.exceptions.RayTaskError("train", "Traceback:\n  a line\nOSError: disk full", OSError()),
            "OSError: disk full",
        ),
    ],
)
def test_what_ray_raises_is_one_sentence(monkeypatch, error, words):
    def get(task):
        raise error

    monkeypatch.setattr(ray, "get", get)
    assert ray_cluster._outcome(None).startswith(f"Ray: {words}")
