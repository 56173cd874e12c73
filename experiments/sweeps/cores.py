"""Which cores a job may use, so that XLA's and the simulators' threads of one leave the others alone."""

import contextlib
import fcntl
import itertools
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

from cmta_jax.environments.pool import resources


def usable_cores() -> list[int]:
    """The cores that this process may use."""
    return (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(resources.usable_cores()))
    )


def divide(cores: Sequence[int], jobs: int) -> list[list[int]]:
    """Disjoint sets of neighbouring cores, one for each job, as equal as possible.

    Raises:
        ValueError: more jobs than cores.
    """
    if jobs > len(cores):
        raise ValueError(f"--jobs={jobs} is more than the {len(cores)} cores that this process may use: give fewer.")
    bounds = [len(cores) * job // jobs for job in range(jobs + 1)]
    return [list(cores[first:last]) for first, last in itertools.pairwise(bounds)]


@contextlib.contextmanager
def claimed(number: int) -> Iterator[list[int]]:
    """Cores of this machine that no other job of this user has claimed; fewer where fewer are left, all if none is.

    For machines whose jobs are started by processes that do not know each other. A core is claimed by a locked file,
    which a killed process lets go.
    """
    folder = pathlib.Path(tempfile.gettempdir(), f"cmta_jax_cores_{os.getuid()}")
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as files:
        found: list[int] = []
        for core in usable_cores():
            file = files.enter_context(open(folder / str(core), "w"))
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(core)
            if len(found) == number:
                break
        yield found or usable_cores()
