"""The benchmark suite `memory`: the memory of a run, from the command to the first updates.

Each configuration is a run of its own (`experiments.run` in a new process), because a process seldom gives memory back.
Only unique memory counts: pages that no other process shares.
"""

import math
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil

from experiments.benchmarks.grid import Cell, sweep
from experiments.benchmarks.options import Options

COLUMNS = ("peak_gib", "learner_gib", "workers_gib", "first_update_s")
SETTLE = 30.0  # seconds after the first update
PERIOD = 0.5  # seconds between looks


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures every combination asked for, with the paper's replay (5 million transitions per seed); see `sweep`."""
    return sweep(json_path, options, COLUMNS, measure)


def measure(cell: Cell, options: Options) -> dict[str, float]:
    """Peak unique memory of a run over all its processes, and the seconds from the command to its first update."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "run", "run.log")
        first_update, peak, parts = float("nan"), 0.0, (0.0, 0.0)
        began = time.perf_counter()
        with subprocess.Popen(_command(cell, options, log.parent), stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not time.perf_counter() - began > first_update + SETTLE:
                learner, workers = _unique_gib(process.pid)
                if learner + workers > peak:
                    peak, parts = learner + workers, (learner, workers)
                if math.isnan(first_update) and log.exists() and "first update," in log.read_text():
                    first_update = time.perf_counter() - began
                time.sleep(PERIOD)
            process.kill()
    return {"peak_gib": peak, "learner_gib": parts[0], "workers_gib": parts[1], "first_update_s": first_update}


def _command(cell: Cell, options: Options, workdir: pathlib.Path) -> list[str]:
    values = {
        "method": cell.method,
        "benchmark": cell.benchmark,
        "num_seeds": cell.seeds,
        "hidden_dim": options.hidden_dim,
        "batch_per_task": options.batch_per_task,
        "matmul_precision": options.matmul_precision,
        "workdir": workdir,
    }
    return [sys.executable, "-m", "experiments.run", *(f"--{name}={value}" for name, value in values.items())]


def _unique_gib(pid: int) -> tuple[float, float]:
    """Unique memory of a process, and of its children together, GiB."""
    try:
        process = psutil.Process(pid)
        return _uss(process), sum(_uss(child) for child in process.children(recursive=True))
    except psutil.NoSuchProcess:
        return 0.0, 0.0


def _uss(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().uss / 2**30
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0.0
