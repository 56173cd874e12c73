"""A sweep of runs on the toy pool: toy_sweep.py <signal> <step> <out> <flags>; each run gets the signal at the step."""

import pathlib
import sys

import killed_run
from toy_runs import SHARED

from experiments import sweep

NEVER = ("SIGKILL", "0")  # steps begin at 1


def program(name: str = "SIGKILL", step: str = "0"):
    """The command that trains on the toy and gets a signal at a step of its simulators."""
    return sys.executable, str(pathlib.Path(killed_run.__file__)), "toy", name, step


def arguments(out, *flags, shared=()):
    """A sweep over two seeds of MTMH-SAC."""
    own = ("--rows=mtmhsac", "--benchmarks=mt10_mixed", "--seeds=3-4", f"--out={out}")
    return [
        *own,
        *flags,
        "--",
        *(flag for flag in SHARED if flag != "--seed=3"),
        "--steps_per_task=40",
        "--checkpoint_every=15",
        *shared,
    ]


def main(out, *flags, killed=NEVER, shared=()):
    """Runs the sweep in this process; returns its status."""
    return sweep.main(arguments(out, *flags, shared=shared), program(*killed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[3], *sys.argv[4:], killed=sys.argv[1:3]))
