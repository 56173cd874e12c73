"""Sweeps on Ray, with a real cluster of this machine."""

import signal
import subprocess

import pytest
import toy_runs
from toy_sweep import PYTHONPATH, arguments, command, folders, tables

from experiments import run


@pytest.fixture(autouse=True)
def paths_of_jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)


def test_a_worker_and_the_sweep_are_killed_and_the_same_command_goes_on(tmp_path):
    """The first start kills its Ray worker at step 20, and Ray starts it again; the second kills the sweep."""
    shared = arguments("")[arguments("").index("--") + 1 :]
    whole = tmp_path / "whole"
    assert (
        run.main(["--flagfile=mt10_mixed/mtmhsac.flags", *shared, "--seed=3", f"--workdir={whole}"], toy_runs.Toy) == 0
    )
    asked = command(tmp_path / "sweep", "--launcher=ray", "--seeds=3", deaths="parent@25,sweep@30")
    first = subprocess.run(asked, capture_output=True, text=True)
    name = "mt10_mixed/mtmhsac/seeds_3"
    assert first.returncode == -signal.SIGKILL and first.stdout.startswith(f"starting: {name}\n")
    assert "finished" not in first.stdout and "again" not in first.stdout  # Ray itself replaced the worker
    second = subprocess.run(asked, capture_output=True, text=True)
    assert second.stdout.splitlines()[:3] == [f"going on with: {name}", f"finished: {name}", "1 of 1 runs are finished"]
    folder = folders(tmp_path / "sweep")[0]
    assert tables(folder) == tables(whole)
    assert len(folder.with_name("seeds_3.starts").read_text().splitlines()) == 3
