"""Jobs as tasks of a Ray cluster, which decides when and on which of its machines each one runs."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Collection, Iterator, Sequence

import ray
import ray.exceptions

from experiments.sweeps.cores import claimed, usable_cores
from experiments.sweeps.folders import SweepRun
from experiments.sweeps.job import PAUSE, Job, wait_for_folder
from experiments.sweeps.launcher import Request

MANY = 10_000  # tasks that may wait for their turn
RESTARTS = 20  # of a task whose machine or worker was lost
PATIENCE = 5.0  # seconds to reach the cluster


class RayLauncher:
    """Each run is a task with cores and GPUs of its own; Ray starts it again where a worker or a machine is lost.

    Args:
        request: without an address a cluster of this machine alone is started, and ended with the sweep.

    Raises:
        ValueError: nothing answers at the address, or no machine is large enough for a run.
    """

    waits = True

    def __init__(self, request: Request):
        cpus, gpus = request.cpus or 1, request.gpus or 0
        _connect(request.ray_address)
        _check_size(cpus, gpus, request.jobs)
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RESTARTS)(_train)
        self._submit = lambda run: task.remote(run, tuple(request.program), cpus, gpus, os.getcwd())
        self._jobs, self._tasks = request.jobs or MANY, {}

    @property
    def running(self) -> Collection[SweepRun]:
        """The runs that have a task."""
        return self._tasks.keys()

    @property
    def places(self) -> int:
        """How many more runs may be submitted now."""
        return self._jobs - len(self._tasks)

    def start(self, runs: Sequence[SweepRun]) -> None:
        """Submits runs."""
        self._tasks |= {run: self._submit(run) for run in runs}

    def ended(self) -> dict[SweepRun, str]:
        """The runs that ended since the last call."""
        if not self._tasks:
            return {}
        done = set(ray.wait([*self._tasks.values()], num_returns=len(self._tasks), timeout=0)[0])
        runs = [run for run, task in self._tasks.items() if task in done]
        return {run: _outcome(self._tasks.pop(run)) for run in runs}

    def stop(self) -> None:
        """Asks all runs to save and end, and waits for them."""
        for task in self._tasks.values():
            ray.cancel(task)
        for task in self._tasks.values():
            _outcome(task)
        ray.shutdown()


def _train(run: SweepRun, program: Sequence[str], cpus: int, gpus: float, folder: str) -> str:
    """The task: trains the run in a process of its own; what became of it, as `Job.outcome`."""
    os.chdir(folder)  # relative paths mean what they meant to the sweep
    if not wait_for_folder(run):
        return ""
    environment = {}
    if 0 < gpus < 1:  # JAX would reserve most of the GPU for one task
        environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.9 * gpus:.3f}"
    with claimed(cpus) as cores:
        job = Job(run, program, cores, environment)
        try:
            while not job.ended():
                time.sleep(PAUSE)
        except KeyboardInterrupt:  # the task is cancelled
            job.ask_to_end()
        return job.outcome()


def _outcome(task: ray.ObjectRef) -> str:
    try:
        return str(ray.get(task))
    except ray.exceptions.RayError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        return f"Ray: {lines[-1] if isinstance(error, ray.exceptions.RayTaskError) else lines[0]}"


def _connect(address: str) -> None:
    """Joins the cluster, or starts one.

    Raises:
        ValueError: nothing answers there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # of a cluster of this machine; 15 by default
    os.environ.setdefault("RAY_kill_child_processes_on_worker_exit", "false")  # runs get SIGTERM, and save themselves
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a run without a share of a GPU keeps its devices
    quiet = {"log_to_driver": False, "logging_level": "warning"}
    if address and address != "auto":
        _check_reachable(address)
    with _signals_kept():
        try:
            if address:
                ray.init(address=address, **quiet)
            else:
                ray.init(address="local", num_cpus=len(usable_cores()), include_dashboard=False, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            token = "" if "RAY_AUTH_MODE" in os.environ else " (a cluster with a token needs RAY_AUTH_MODE=token)"
            raise ValueError(f"--ray_address={address}: {' '.join(str(error).split())}{token}") from error


def _check_reachable(address: str) -> None:
    """Raises ValueError if nothing listens there; Ray itself would try for two minutes, then end the process."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such address"
        raise ValueError(
            f"--ray_address={address} does not answer ({reason}): give that of the head, as 10.0.0.1:6379, or auto."
        ) from None


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself; the sweep has its own use for it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_size(cpus: int, gpus: float, jobs: int | None) -> None:
    """Raises ValueError if no machine of the cluster could run a job, or all together not `jobs` of them."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(machine.get("CPU", 0) >= cpus and machine.get("GPU", 0) >= gpus for machine in machines):
        raise ValueError(
            f"No machine of the Ray cluster has {cpus} cores and {gpus:g} GPUs: give smaller --cpus and --gpus."
        )
    total = int(sum(machine.get("CPU", 0) for machine in machines))
    if jobs and jobs * cpus > total:
        raise ValueError(f"--jobs={jobs} with {cpus} cores each is more than the {total} cores of the Ray cluster.")
