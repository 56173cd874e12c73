"""A worker without a process: the caller steps a share of the lanes itself, where it would sleep otherwise."""

import traceback
from typing import Any

import numpy as np

from cmta_jax.environments.pool.process import WorkerLost


class InProcessWorker:
    """Some lanes in this process, with the interface of `WorkerProcess`.

    `ask` takes a command and `wait` carries it out, so that all processes have theirs by then. An error or an
    interruption (Ctrl-C) loses the worker, and it is replaced. There is no timeout: nobody can stop it if it hangs.

    Args:
        lanes: indices of its lanes.
        spec: the argument of `lanes.Lanes`.
        shared: the arrays shared with the processes.
    """

    pid = None  # of a process of its own

    def __init__(self, lanes: list[int], spec: dict[str, Any], shared: dict[str, np.ndarray]):
        self.lanes = lanes
        self.pending = False  # whether a command has not been carried out
        self._spec, self._shared = spec, shared
        self._command = b""
        self._loss = ""  # why its lanes cannot be stepped any more

    def start(self) -> None:
        """Does nothing: `await_start` builds the simulators, while the processes build theirs."""

    def await_start(self) -> None:
        """Builds the simulators; raises WorkerLost if that fails."""
        from cmta_jax.environments.pool.lanes import Lanes  # imports Meta-World

        try:
            self._own = Lanes(self._spec, self._shared)
        except Exception as error:
            raise WorkerLost(f"failed with\n{traceback.format_exc()}") from error
        self._loss = ""

    def ask(self, command: bytes) -> None:
        """Takes a command; `wait` must follow."""
        self._command, self.pending = command, True

    def wait(self, timeout: float) -> dict[str, str]:
        """Carries out the command; `timeout` does not apply. See `WorkerProcess.wait`."""
        if self._loss:
            raise WorkerLost(self._loss)
        self._loss = "was interrupted"  # unless this comes to its end
        try:
            failed = self._own.obey(self._command)
        except Exception as error:
            raise WorkerLost(f"failed with\n{traceback.format_exc()}") from error
        self._loss, self.pending = "", False
        return {str(lane): cause for lane, cause in failed.items()}

    def kill(self) -> None:
        """Forgets the command under way."""
        self.pending = False

    def quit(self, timeout: float) -> None:
        """Does nothing: there is no process to end."""
