"""One run of a sweep as a process of its own, and what became of it. Imports no JAX."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from experiments.sweeps import pinned
from experiments.sweeps.cores import usable_cores
from experiments.sweeps.folders import SweepRun, finished, in_use, last_sentence

RUN = ("-P", "-m", "experiments.run")  # of this Python; -P: the working directory may hold another `experiments`
ROOT = str(pathlib.Path(__file__).resolve().parents[2])  # where this one is
PAUSE = 0.2  # seconds between looks


class Job:
    """Trains a run in a new process, or goes on with it; what it prints is appended to `run.output`.

    On Linux the process gets SIGTERM, and saves itself, when this process ends by whatever means.

    Args:
        run: whose folder is free.
        program: the command that trains, after the name of this Python, without the run's flags.
        cores: that it may use; by default those of this process.
        environment: further variables of its environment.
    """

    def __init__(
        self, run: SweepRun, program: Sequence[str] = RUN, cores: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ):  # fmt: skip
        self.run, self.cores = run, list(cores)
        among = ",".join(map(str, cores or usable_cores()))
        pin = (sys.executable, pinned.__file__, str(os.getpid()), among)
        variables = {**os.environ, **(environment or {})}
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (ROOT, variables.get("PYTHONPATH"))))
        run.output.parent.mkdir(parents=True, exist_ok=True)
        with open(run.output, "ab") as output:
            self._process = subprocess.Popen(
                [*pin, sys.executable, *program, *run.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=variables,
                start_new_session=True,  # Ctrl-C reaches the sweep only, which then stops its jobs
            )

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def ask_to_end(self) -> None:
        """Asks the run to save itself and end."""
        self._process.send_signal(signal.SIGTERM)

    def outcome(self) -> str:
        """Waits for the end; empty if the run is finished, else what happened, in one sentence."""
        status = self._process.wait()
        if status == 0:
            return ""
        reason = last_sentence(self.run.output)
        return f"it was killed by {signal.Signals(-status).name}; its last line: {reason}" if status < 0 else reason

    def was_asked_to_end(self) -> bool:
        """Whether the run ended by itself after SIGTERM."""
        return self._process.poll() == 128 + signal.SIGTERM


def wait_for_folder(run: SweepRun) -> bool:
    """Waits until no other process runs in the folder, as where a killed job still saves; whether work is left."""
    while in_use(run.folder):
        time.sleep(PAUSE)
    return not finished(run.folder)
