"""Jobs as processes of this machine, each on cores of its own."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from experiments.sweeps import pinned
from experiments.sweeps.cells import SweepRun

RUN = (sys.executable, "-m", "experiments.run")


class LocalLauncher:
    """Up to `jobs` processes at a time.

    XLA and the simulators use the cores that their process may use, so that no job disturbs another.

    Args:
        jobs: processes at a time.
        program: the command that trains, without its flags.

    Raises:
        ValueError: more jobs than cores.
    """

    def __init__(self, jobs: int, program: Sequence[str] = RUN):
        self._program = program
        self._free = divide(_cores(), jobs)
        self._running: dict[SweepRun, tuple[subprocess.Popen, list[int]]] = {}

    @property
    def places(self) -> int:
        """How many more runs may be started now."""
        return len(self._free)

    def start(self, run: SweepRun) -> None:
        """Starts a run, or goes on with it; what it prints is appended to `run.output`."""
        cores = self._free.pop(0)
        pin = (sys.executable, pinned.__file__, str(os.getpid()), ",".join(map(str, cores)))
        run.output.parent.mkdir(parents=True, exist_ok=True)
        with open(run.output, "ab") as output:
            process = subprocess.Popen(
                [*pin, *self._program, *run.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the sweep only, which then stops its jobs
            )
        self._running[run] = process, cores

    def ended(self) -> list[tuple[SweepRun, int]]:
        """The runs that ended since the last call, with their exit statuses; negative: the signal that killed it."""
        ended = [(run, status) for run, (job, _) in self._running.items() if (status := job.poll()) is not None]
        for run, _ in ended:
            self._free.append(self._running.pop(run)[1])
        return ended

    def stop(self) -> None:
        """Asks all runs to save and end, and waits for them."""
        for process, _ in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process, _ in self._running.values():
            process.wait()


def divide(cores: Sequence[int], jobs: int) -> list[list[int]]:
    """Disjoint sets of neighbouring cores, one for each job, as equal as possible.

    Raises:
        ValueError: more jobs than cores.
    """
    if jobs > len(cores):
        raise ValueError(f"--jobs={jobs} is more than the {len(cores)} cores that this process may use: give fewer.")
    bounds = [len(cores) * job // jobs for job in range(jobs + 1)]
    return [list(cores[first:last]) for first, last in itertools.pairwise(bounds)]


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
