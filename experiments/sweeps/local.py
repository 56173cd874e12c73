"""Jobs as processes of this machine, each on cores of its own."""

from collections.abc import Collection, Sequence

from experiments.sweeps.cores import divide, usable_cores
from experiments.sweeps.folders import SweepRun
from experiments.sweeps.job import Job
from experiments.sweeps.launcher import Request


class LocalLauncher:
    """Up to `jobs` processes at a time.

    XLA and the simulators use the cores that their process may use, so that no job disturbs another.

    Raises:
        ValueError: more jobs than cores, or cores or GPUs asked for each job.
    """

    waits = False

    def __init__(self, request: Request):
        if request.cpus or request.gpus:
            raise ValueError(
                "--cpus and --gpus are for --launcher=ray and slurm: local divides the cores between --jobs."
            )
        self._program = request.program
        self._free = divide(usable_cores(), request.jobs or 1)
        self._jobs: dict[SweepRun, Job] = {}

    @property
    def running(self) -> Collection[SweepRun]:
        """The runs that have a job."""
        return self._jobs.keys()

    @property
    def places(self) -> int:
        """How many more runs may be started now."""
        return len(self._free)

    def start(self, runs: Sequence[SweepRun]) -> None:
        """Starts runs, or goes on with them."""
        for run in runs:
            self._jobs[run] = Job(run, self._program, self._free.pop(0))

    def ended(self) -> dict[SweepRun, str]:
        """The runs that ended since the last call."""
        ended = [run for run, job in self._jobs.items() if job.ended()]
        outcomes = {run: self._jobs[run].outcome() for run in ended}
        self._free += [self._jobs.pop(run).cores for run in ended]
        return outcomes

    def stop(self) -> None:
        """Asks all runs to save and end, and waits for them."""
        for job in self._jobs.values():
            job.ask_to_end()
        for job in self._jobs.values():
            job.outcome()
