"""Jobs as an array job of SLURM; one that is preempted, or out of time, saves itself and is queued again."""

import json
import os
import shutil
import time
from collections.abc import Collection, Sequence
from typing import Any

os.environ.setdefault("SUBMITIT_LOG_LEVEL", "NOCONFIG")  # otherwise it closes all handlers of this process

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError
from submitit.helpers import Checkpointable, DelayedSubmission

from cmta_jax.storage import atomic
from experiments.sweeps.folders import SweepRun, in_use
from experiments.sweeps.job import PAUSE, Job, wait_for_folder
from experiments.sweeps.launcher import Request

CLUSTER = "slurm"  # submitit's `local` in tests
MINUTES = 24 * 60  # after which a job is queued again, by default
MANY, RESTARTS = 10_000, 10_000
GRACE = 300.0  # seconds in which SLURM ends the job whose processes it sent SIGTERM


class SlurmLauncher:
    """Runs that are started together are one array job. The sweep's folder keeps which job each run has.

    A sweep that was killed leaves its jobs to SLURM; the same command takes them over.

    Raises:
        ValueError: this machine has no sbatch, or an option is not key=value.
    """

    waits = True

    def __init__(self, request: Request):
        if CLUSTER == "slurm" and not shutil.which("sbatch"):
            raise ValueError(
                "--launcher=slurm finds no sbatch: start the sweep on a machine of the cluster that has it."
            )
        self._folder, self._program = request.out.absolute() / "slurm", tuple(request.program)
        self._executor = submitit.AutoExecutor(self._folder, cluster=CLUSTER, slurm_max_num_timeout=RESTARTS)
        self._executor.update_parameters(**parameters(request))
        self._jobs: dict[SweepRun, submitit.Job] = {}

    @property
    def running(self) -> Collection[SweepRun]:
        """The runs that have a job."""
        return self._jobs.keys()

    @property
    def places(self) -> int:
        """How many more runs may be submitted now."""
        return MANY - len(self._jobs)

    def start(self, runs: Sequence[SweepRun]) -> None:
        """Submits runs, and takes over the jobs that they have."""
        before = self._before()
        self._jobs |= {run: before[run.name] for run in runs if run.name in before}
        new = [run for run in runs if run not in self._jobs]
        if not new:
            return
        try:
            jobs = self._executor.submit_array([Training(run, self._program) for run in new])
        except (FailedSubmissionError, FailedJobError) as error:
            raise ValueError(f"sbatch refused the job: {' '.join(str(error).split())}") from None
        self._jobs |= dict(zip(new, jobs, strict=True))
        self._keep()

    def ended(self) -> dict[SweepRun, str]:
        """The runs that ended since the last call."""
        done = [run for run, job in self._jobs.items() if job.done()]
        outcomes = {run: _outcome(self._jobs.pop(run)) for run in done}
        if done:
            self._keep()
        return outcomes

    def stop(self) -> None:
        """Cancels all jobs, whose runs save themselves, and waits for them."""
        for job in self._jobs.values():
            job.cancel(check=False)
        while any(in_use(run.folder) for run in self._jobs):
            time.sleep(PAUSE)
        if self._jobs:
            self._jobs = {}
            self._keep()

    def _keep(self) -> None:
        ids = {run.name: job.job_id for run, job in self._jobs.items()}
        atomic.replace(self._folder / "jobs.json", json.dumps(ids, indent=1).encode())

    def _before(self) -> dict[str, submitit.Job]:
        """The jobs that a killed sweep left, and that have not ended, by the run's name."""
        try:
            ids = json.loads((self._folder / "jobs.json").read_text())
        except (OSError, ValueError):
            return {}
        jobs = {name: submitit.SlurmJob(self._folder, number) for name, number in ids.items()}
        return {name: job for name, job in jobs.items() if not job.done(force_check=True)}


def parameters(request: Request) -> dict[str, Any]:
    """The request in submitit's words.

    Raises:
        ValueError: an option is not key=value.
    """
    options = {name: value for name, _, value in (option.partition("=") for option in request.slurm)}
    minutes = options.pop("time", str(MINUTES))
    if not all(options.values()) or not minutes.isdecimal():
        raise ValueError(
            f"--slurm={','.join(request.slurm)}: write sbatch's options as partition=gpu, time in minutes."
        )
    if request.gpus and request.gpus != int(request.gpus):
        raise ValueError(f"--gpus={request.gpus:g} is a share of a GPU, which SLURM does not give: use whole ones.")
    return {
        "name": "sweep",
        "timeout_min": int(minutes),
        "cpus_per_task": request.cpus or 1,
        "gpus_per_node": int(request.gpus or 0),
        "slurm_array_parallelism": request.jobs or MANY,
        "slurm_additional_parameters": {"requeue": True, **options},
    }


class Training(Checkpointable):
    """What SLURM runs: trains a run in a process of its own, or goes on with it."""

    def __init__(self, run: SweepRun, program: Sequence[str]):
        self._run, self._program, self._job = run, program, None

    def __call__(self) -> str:
        """Returns what became of the run, as `Job.outcome`."""
        if not wait_for_folder(self._run):
            return ""
        self._job = Job(self._run, self._program)
        while not self._job.ended():
            time.sleep(PAUSE)
        if self._job.was_asked_to_end():  # by SLURM, which sends SIGTERM to all processes, and takes the machine soon
            time.sleep(GRACE)
        return self._job.outcome()

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit before SLURM takes the machine away: the run saves itself, and the job is queued again."""
        if self._job:
            self._job.ask_to_end()
            self._job.outcome()
        return DelayedSubmission(Training(self._run, self._program))


def _outcome(job: submitit.Job) -> str:
    try:
        return str(job.result())
    except (FailedJobError, UncompletedJobError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"SLURM: job {job.job_id}: {lines[-1]}"
