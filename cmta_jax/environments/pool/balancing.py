"""Which worker steps which lane. This changes how long a step takes, never its result."""

from collections.abc import Sequence
from typing import NamedTuple

from cmta_jax.environments.pool import resources

# What a step of each task costs relative to the mean task, with the fast simulator and random actions. Measured by
# `python -m experiments.benchmark --suite=simulator`.
MEAN_STEP_COST = 1.0
STEP_COST = {
    "assembly-v3": 1.54, "basketball-v3": 0.94, "bin-picking-v3": 1.1, "box-close-v3": 1.68,
    "button-press-topdown-v3": 0.75, "button-press-topdown-wall-v3": 0.77, "button-press-v3": 0.75,
    "button-press-wall-v3": 0.77, "coffee-button-v3": 0.93, "coffee-pull-v3": 1.26, "coffee-push-v3": 1.25,
    "dial-turn-v3": 0.82, "disassemble-v3": 1.47, "door-close-v3": 0.91, "door-lock-v3": 0.91, "door-open-v3": 0.94,
    "door-unlock-v3": 0.83, "hand-insert-v3": 1.02, "drawer-close-v3": 0.94, "drawer-open-v3": 0.86,
    "faucet-open-v3": 0.83, "faucet-close-v3": 0.8, "hammer-v3": 1.27, "handle-press-side-v3": 0.71,
    "handle-press-v3": 0.98, "handle-pull-side-v3": 0.81, "handle-pull-v3": 0.76, "lever-pull-v3": 0.81,
    "pick-place-wall-v3": 1.15, "pick-out-of-hole-v3": 0.95, "pick-place-v3": 1.17, "plate-slide-v3": 0.82,
    "plate-slide-side-v3": 0.82, "plate-slide-back-v3": 0.83, "plate-slide-back-side-v3": 0.85,
    "peg-insert-side-v3": 1.01, "peg-unplug-side-v3": 1.33, "soccer-v3": 1.07, "stick-push-v3": 1.47,
    "stick-pull-v3": 1.41, "push-v3": 1.01, "push-wall-v3": 1.06, "push-back-v3": 1.09, "reach-v3": 0.82,
    "reach-wall-v3": 0.84, "shelf-place-v3": 1.06, "sweep-into-v3": 1.17, "sweep-v3": 1.06, "window-open-v3": 0.77,
    "window-close-v3": 0.85,
}  # fmt: skip


class Workers(NamedTuple):
    """How many there are, and whether the caller, which would sleep meanwhile, is one; the others are processes."""

    count: int
    caller_is_one: bool = False


def count_workers(requested: int | None, num_lanes: int) -> int:
    """`requested`, or one per core that this process may use; never more than lanes."""
    if requested is not None and requested < 1:
        raise ValueError(f"{requested} environment workers cannot step anything: ask for at least 1.")
    return min(requested or resources.usable_cores(), num_lanes)


def assign(tasks: Sequence[str], num_workers: int) -> list[list[int]]:
    """Divides the lanes among the workers, so that a step costs every worker about the same time.

    The lanes are handed out from the most expensive to the cheapest, each to the worker with the least work so far.

    Args:
        tasks: the task of each lane [L].
        num_workers: at most L.

    Returns:
        The indices of each worker's lanes, in ascending order.
    """
    costs = [STEP_COST.get(task, MEAN_STEP_COST) for task in tasks]
    loads = [0.0] * num_workers
    lanes: list[list[int]] = [[] for _ in range(num_workers)]
    for lane in sorted(range(len(tasks)), key=lambda lane: -costs[lane]):
        lightest = min(range(num_workers), key=lambda worker: (loads[worker], len(lanes[worker])))
        loads[lightest] += costs[lane]
        lanes[lightest].append(lane)
    return [sorted(own) for own in lanes]
