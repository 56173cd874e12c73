"""One worker process, from the pool's side: start it, send it commands, wait for answers, kill it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from cmta_jax.environments.pool import channel

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_START_TIMEOUT = 600.0  # seconds; building an environment takes 0.1 to 0.3 s of one core


class WorkerLost(Exception):
    """A worker died or did not answer in time; the message gives the cause."""


class WorkerProcess:
    """A subprocess that runs `worker.main` over some lanes.

    It is started as a command, not by `multiprocessing`: spawning would import the main module, and with it JAX, into
    every worker, and forking would copy a process with JAX's threads.

    Args:
        lanes: indices of its lanes.
        spec: the argument of `lanes.Lanes`, and the `layout` of the shared memory.
        shared_memory: file descriptor of the memory.
    """

    def __init__(self, lanes: list[int], spec: dict[str, Any], shared_memory: int):
        self.lanes = lanes
        self.pending = False  # whether a command has no answer yet
        self._spec, self._shared_memory = spec, shared_memory
        self.start()

    def start(self) -> None:
        """Starts the process; call `await_start` before the first command."""
        commands_out, commands_in = os.pipe()
        replies_out, replies_in = os.pipe()
        theirs = (self._shared_memory, commands_out, replies_in)
        command = [sys.executable, "-P", "-m", "cmta_jax.environments.pool.worker", *map(str, theirs)]
        try:
            self._process = subprocess.Popen(
                command, env=_environment(), pass_fds=theirs, stdin=subprocess.DEVNULL, start_new_session=False
            )
        finally:
            os.close(commands_out)
            os.close(replies_in)
        self._channel = channel.Channel(replies_out, commands_in)
        try:
            self._channel.write_message(self._spec)
        except channel.Closed:
            pass  # it died already: `await_start` raises
        self.pending = True

    def await_start(self) -> None:
        """Sleeps until its simulators are built; raises WorkerLost if that fails."""
        self.wait(_START_TIMEOUT)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, command: bytes) -> None:
        """Sends a command; `wait` must follow, and raises if the worker has died."""
        self.pending = True
        try:
            self._channel.write(command)
        except channel.Closed:
            pass

    def wait(self, timeout: float) -> dict[str, str]:
        """Sleeps until the answer has arrived.

        Returns:
            The cause of failure by lane (as text); empty if no lane failed.

        Raises:
            WorkerLost: the worker died, or did not answer within `timeout` seconds.
        """
        try:
            self._channel.wait(timeout)
            answer = self._channel.read()
            report = {} if answer == channel.DONE else self._channel.read_message()
        except channel.Late as error:
            raise WorkerLost(f"gave no answer for {timeout:g} s") from error
        except channel.Closed as error:
            raise WorkerLost(self._cause_of_death()) from error
        self.pending = False
        if answer == channel.BROKEN:
            raise WorkerLost(f"failed with\n{report}")
        return report

    def _cause_of_death(self) -> str:
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"exited with status {code}"

    def kill(self) -> None:
        """Kills the process at once, even if it is stopped, and waits for its end."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        self.pending = False

    def quit(self, timeout: float) -> None:
        """Tells it to end; kills it if it has not ended after `timeout` seconds."""
        self.ask(channel.QUIT)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        self.kill()


def _environment() -> dict[str, str]:
    """Environment variables of a worker: it can import this package, and numerical libraries use one thread."""
    paths = [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    python_path = os.pathsep.join(path for path in paths if path)
    return {**os.environ, "PYTHONPATH": python_path, **dict.fromkeys(_ONE_THREAD, "1")}
