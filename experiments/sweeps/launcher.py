"""What a launcher is asked for, and what it can do: `local`, `ray_cluster` and `slurm` are three."""

import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from experiments.sweeps.folders import SweepRun
from experiments.sweeps.job import RUN


class Request(NamedTuple):
    """What the command line says about where and how runs are started."""

    out: pathlib.Path  # folder of the sweep
    jobs: int | None = None  # runs at a time; None: what the launcher has by default
    cpus: int | None = None  # cores of each run
    gpus: float | None = None  # GPUs of each run, or a share of one
    tries: int = 2  # how often a run that fails is started
    ray_address: str = ""  # empty: a cluster of this machine alone
    slurm: Sequence[str] = ()  # key=value, options of sbatch as submitit names them
    program: Sequence[str] = RUN  # the command that trains, after the name of Python


class Launcher(Protocol):
    """Starts runs somewhere. Made from a `Request`; raises ValueError with one sentence where that cannot work."""

    @property
    def waits(self) -> bool:
        """Whether its jobs wait themselves for a folder that another process uses."""
        ...

    @property
    def running(self) -> Collection[SweepRun]:
        """The runs that have a job, which may still be waiting for its turn."""
        ...

    @property
    def places(self) -> int:
        """How many more runs may be started now."""
        ...

    def start(self, runs: Sequence[SweepRun]) -> None:
        """Starts runs, or goes on with them; what a run prints is appended to `run.output`."""
        ...

    def ended(self) -> Mapping[SweepRun, str]:
        """The runs that ended since the last call; for each nothing if it is finished, else what happened."""
        ...

    def stop(self) -> None:
        """Asks all runs to save and end, and waits for them."""
        ...
