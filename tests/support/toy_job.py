"""A run of the toy method on the toy pool that sends SIGKILL where it is told to: toy_job.py <deaths> <flags>

`self@25,sweep@25`: the first start of the run kills itself when its simulators make their 25th step, evaluations
counted; the second kills the sweep, and waits until it is asked to end; the third lives. `parent` is the process that
started it, such as a Ray worker; `nobody` only waits to be asked. `<workdir>.starts` has a line for each start.
"""

import os
import signal
import sys
import time
import types

import conftest  # noqa: F401  the tests' settings of JAX, and their cache
import pytest
import toy_method
from killed_run import until_saved
from toy_runs import Toy

from experiments import run

PATIENCE = 60  # seconds until SIGTERM must be there


def mortal(death: str, flags):
    """The toy with one death, or without (`-`), of a run with those flags."""
    victim, _, step = death.partition("@")

    class Mortal(Toy):
        @staticmethod
        def interrupt(at):
            if str(at) == step:
                pids = {"self": os.getpid(), "parent": os.getppid(), "sweep": int(os.environ["SWEEP"])}
                until_saved(flags)
                if victim in pids:
                    os.kill(pids[victim], signal.SIGKILL)
                until_asked_to_end()

    return Mortal


def until_asked_to_end():
    """A run has one handler for all signals, which gives Ctrl-C back its default."""
    for _ in range(20 * PATIENCE):
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
            return
        time.sleep(0.05)
    os._exit(99)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell ignore it
    deaths, *flags = sys.argv[1:]
    (workdir,) = (flag.partition("=")[2] for flag in flags if flag.startswith("--workdir="))
    with open(f"{workdir}.starts", "a+") as file:
        file.write("start\n")
        file.seek(0)
        start = len(file.readlines())
    look = types.SimpleNamespace(draw=lambda run, path: None, summary=lambda run: "done")
    sys.modules["experiments.first_look"] = look  # drawing takes longer than the run
    toy_method.replace_mtmhsac(pytest.MonkeyPatch())
    death = [*deaths.split(","), *["-"] * start][start - 1]
    sys.exit(run.main(flags, mortal(death, flags)))
