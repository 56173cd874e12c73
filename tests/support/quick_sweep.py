"""A sweep of one quick job: quick_sweep.py local|ray <deaths> <out>. It imports no JAX, and so begins in a moment."""

import functools
import importlib
import os
import pathlib
import sys

from experiments.sweeps.folders import SweepRun
from experiments.sweeps.launcher import Request
from experiments.sweeps.schedule import run_all
from experiments.training_run.signals import Stop

JOB = str(pathlib.Path(__file__).with_name("quick_job.py"))
NAME = "mt10_mixed/mtmhsac/seeds_3"
LAUNCHERS = {"local": "local.LocalLauncher", "ray": "ray_cluster.RayLauncher"}


def command(launcher, deaths, out):
    """The command of this sweep."""
    return [sys.executable, __file__, launcher, deaths, str(out)]


def main(launcher, deaths, out):
    """Runs the sweep; returns its status."""
    os.environ["SWEEP"] = str(os.getpid())
    module, name = LAUNCHERS[launcher].split(".")
    made = getattr(importlib.import_module(f"experiments.sweeps.{module}"), name)
    out = pathlib.Path(out)
    run = SweepRun(out / NAME, (f"--workdir={out / NAME}", "--seed=3"))
    with Stop() as stop:
        stop.patient = True
        launcher = made(Request(out, program=(JOB, deaths)))
        return run_all([run], launcher, 2, stop=stop, say=functools.partial(print, flush=True))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
