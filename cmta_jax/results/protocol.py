"""Which runs may share a column and which may be averaged; other runs are refused with the flag that differs."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from cmta_jax.results.reading import Run
from cmta_jax.storage import flags_file
from cmta_jax.storage.flag_rules import ADDED, MAY_DIFFER

# What a success rate means. Runs of one benchmark and kind of goals that differ here are never put side by side.
PROTOCOL = ("horizon", "reward_version", "success_version", "eval_every", "eval_episodes")


class Cell(NamedTuple):
    """A column of the paper's tables."""

    benchmark: str
    goals: str


def cell_of(run: Run) -> Cell:
    """The benchmark and kind of goals that a run belongs to."""
    return Cell(run.flags.text("benchmark") or "unknown", run.flags.text("goals") or "unknown")


def check_same_protocol(runs: Sequence[Run]) -> None:
    """Refuses runs of one cell whose success rates do not mean the same.

    Raises:
        ValueError: naming the first flag of the protocol, or the task, that differs, and two runs.
    """
    for first, second in itertools.pairwise(runs):
        for name in PROTOCOL:
            _refuse_difference(name, first, second, "report them one at a time")
        if first.tasks != second.tasks:
            task = min({*first.tasks} ^ {*second.tasks}, default="the order")
            raise ValueError(f"{first.folder} and {second.folder} differ in tasks ({task}): report them one at a time.")


def check_same_method(runs: Sequence[Run], may_differ: Sequence[str] = ()) -> None:
    """Refuses runs whose curves must not be averaged, because a setting differs or a seed is there twice.

    Args:
        runs: of one row and cell.
        may_differ: further flags that may differ (`flag_rules.MAY_DIFFER` may in any case).

    Raises:
        ValueError: naming the flag or the seed, and two runs.
    """
    remedy = "report them one at a time, or allow it with --may_differ"
    for first, second in itertools.pairwise(runs):
        for name in flags_file.differences(first.flags, second.flags):
            if _matters(name, first) and name not in may_differ and not _added_since(name, first, second):
                _refuse_difference(name, first, second, remedy)
    owners = {}
    for run in runs:
        if twice := owners.keys() & set(run.seeds):
            seed = min(twice)
            raise ValueError(f"Seed {seed} is in {owners[seed]} and in {run.folder}, of the same method: keep one.")
        owners |= dict.fromkeys(run.seeds, run.folder)


def _refuse_difference(name, first, second, remedy):
    values = [run.flags.text(name) for run in (first, second)]
    if values[0] != values[1]:
        shown = ["not set" if value is None else value for value in values]
        raise ValueError(f"--{name} differs: {shown[0]} in {first.folder}, {shown[1]} in {second.folder}; {remedy}.")


def _added_since(name, first, second):
    """Whether one of the runs is older than the flag, and the other has the value that the older one stands for."""
    values = [run.flags.text(name) or ADDED.get(name) for run in (first, second)]
    return None not in values and flags_file.same_value(*values)


def _matters(name, run):
    if name in MAY_DIFFER:
        return False
    prefix, dot, _ = name.partition(".")
    method = run.flags.text("method")
    return not dot or prefix in (method, run.flags.text(f"{method}.base"))
