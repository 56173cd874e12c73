"""Which worker steps which lane. Decides how long a step takes, never what comes out of it."""

import os
from collections.abc import Sequence

from cmta_jax.environments.pool.lane_costs import MEAN_STEP_COST, STEP_COST


def count_workers(requested: int | None, num_lanes: int) -> int:
    """Processes to start: `requested`, or one per core that this process may use; never more than lanes."""
    if requested is not None and requested < 1:
        raise ValueError(f"{requested} environment workers cannot step anything: ask for at least 1.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(requested or cores, num_lanes)


def assign(tasks: Sequence[str], num_workers: int) -> list[list[int]]:
    """Lanes of each worker, so that the workers' step costs are close: dearest lane first, to the least loaded.

    Args:
        tasks: the task of each lane [L].
        num_workers: at most L.
    """
    costs = [STEP_COST.get(task, MEAN_STEP_COST) for task in tasks]
    loads, lanes = [0.0] * num_workers, [[] for _ in range(num_workers)]
    for lane in sorted(range(len(tasks)), key=lambda lane: -costs[lane]):
        lightest = min(range(num_workers), key=lambda worker: (loads[worker], len(lanes[worker])))
        loads[lightest] += costs[lane]
        lanes[lightest].append(lane)
    return [sorted(own) for own in lanes]
