"""Sweeps of runs on the toy pool, in this process."""

import os
import pathlib

import toy_job
from toy_runs import SHARED

from experiments import sweep
from experiments.sweeps import cores, local

ROOT = pathlib.Path(__file__).parents[2]
PYTHONPATH = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "support")))  # of the jobs
SEEDS = ("seeds_3", "seeds_4")
FAILING = ("-c", "import sys; print('error: no luck'); sys.exit(1)")  # in the place of the program


def two_cores():
    """The cores of this process; one alone counts twice, so that two jobs may run."""
    usable = cores.usable_cores()
    return usable if len(usable) > 1 else usable * 2


def arguments(out, *flags, shared=()):
    """A sweep over two seeds of MTMH-SAC."""
    own = ("--rows=mtmhsac", "--benchmarks=mt10_mixed", "--seeds=3-4", f"--out={out}")
    short = (*(flag for flag in SHARED if flag != "--seed=3"), "--steps_per_task=40", "--checkpoint_every=15")
    return [*own, *flags, "--", *short, *shared]


def main(out, *flags, waits_at=0, shared=(), program=None):
    """Runs the sweep; its jobs wait at that step of their simulators, if any. Returns its status."""
    local.usable_cores = two_cores
    return sweep.main(arguments(out, *flags, shared=shared), program or (toy_job.__file__, str(waits_at)))


def folders(out):
    """The run folders of the sweep."""
    return [out / "mt10_mixed" / "mtmhsac" / seeds for seeds in SEEDS]
