"""Separate cores for learner and simulators, so that neither slows the other."""

import contextlib
import os
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def divided(learner_cores: int) -> Iterator[Sequence[int]]:
    """Pins this process, and the threads that it starts meanwhile, to its first `learner_cores` cores.

    Args:
        learner_cores: 0 pins nothing.

    Yields:
        The other cores; empty if nothing is pinned.

    Raises:
        ValueError: no core would be left, or the system cannot pin a process to cores.
    """
    if not learner_cores:
        yield ()
        return
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError(f"--learner_cores={learner_cores} needs Linux: leave it out.")
    cores = sorted(os.sched_getaffinity(0))
    if learner_cores >= len(cores):
        raise ValueError(
            f"--learner_cores={learner_cores} leaves the simulators none of {len(cores)} cores: give fewer."
        )
    os.sched_setaffinity(0, cores[:learner_cores])
    try:
        yield cores[learner_cores:]
    finally:
        os.sched_setaffinity(0, cores)
