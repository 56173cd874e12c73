"""A run of the toy method on the toy pool that waits at a step of its simulators: toy_job.py <step> <flags>

Evaluations are counted; at step 0 nothing waits. It waits, once it has saved, until it is asked to end.
`<workdir>.starts` has a line for each start.
"""

import os
import signal
import sys
import time
import types

import jax_settings  # noqa: F401  before JAX is imported
import toy_method
from killed_run import until_saved
from toy_runs import Toy

from experiments import run

PATIENCE = 60  # seconds until SIGTERM must be there


def waiting(step: int, flags):
    """The toy that waits at that step, of a run with those flags."""

    class Waiting(Toy):
        @staticmethod
        def interrupt(at):
            if at == step:
                until_saved(flags)
                until_asked_to_end()

    return Waiting


def until_asked_to_end():
    """A run has one handler for all signals, which gives Ctrl-C back its default."""
    for _ in range(20 * PATIENCE):
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
            return
        time.sleep(0.05)
    os._exit(99)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell ignore it
    step, *flags = sys.argv[1:]
    (workdir,) = (flag.partition("=")[2] for flag in flags if flag.startswith("--workdir="))
    with open(f"{workdir}.starts", "a") as file:
        file.write("start\n")
    look = types.SimpleNamespace(draw=lambda run, path: None, summary=lambda run: "done")
    sys.modules["experiments.first_look"] = look  # drawing takes longer than the run
    toy_method.replace_mtmhsac()
    sys.exit(run.main(flags, waiting(int(step), flags)))
