"""Runs of one method on one benchmark, joined along the seed axis."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from cmta_jax.results import protocol
from cmta_jax.results.protocol import Cell
from cmta_jax.results.reading import Run
from cmta_jax.storage.flags_file import Flags


@dataclasses.dataclass(frozen=True)
class Group:
    """Everything that is known of one method in one cell, up to a number of steps.

    Attributes:
        name: of the method, as in a table's first column.
        cell: benchmark and kind of goals.
        flags: of one of the runs; the others agree in all that matters.
        tasks: name of each place on axis N.
        seeds: of each place on axis S.
        folders: where each seed was read, `S` of them.
        steps: environment steps per task at each evaluation, `[T]`.
        success: `[S, T, N]`.
        final: success over the goal sets after the last step, `[F, N]`, of the F seeds that have it.
        final_seeds: which seeds these are, `F` of them.
        goal_sets: how many goal sets `final` averages; 0 where F is.
        notes: what a reader of the numbers should know, one sentence each.
    """

    name: str
    cell: Cell
    flags: Flags
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    folders: tuple[str, ...]
    steps: np.ndarray
    success: np.ndarray
    final: np.ndarray
    final_seeds: tuple[int, ...]
    goal_sets: int
    notes: tuple[str, ...]


def gather(
    runs: Sequence[Run], name_of: Callable[[Flags], str], limit: int, may_differ: Sequence[str] = ()
) -> dict[Cell, dict[str, Group]]:
    """Sorts runs into cells and rows, and joins the seeds of each.

    Where a row has runs of several lengths, those whose `steps_per_task` is nearest to `limit` from above are used
    (else the longest), cut at `limit`; a note names what was left out.

    Args:
        runs: of any methods and benchmarks.
        name_of: the row that a run's flags belong to.
        limit: environment steps per task beyond which nothing counts.
        may_differ: flags that may differ within a row.

    Returns:
        `{cell: {name: Group}}`, in the order of the runs; groups without an evaluation up to `limit` are left out.

    Raises:
        ValueError: if runs that would share a cell or a row must not (see `protocol`).
    """
    cells = {}
    for run in runs:
        cells.setdefault(protocol.cell_of(run), []).append(run)
    table = {}
    for cell, members in cells.items():
        protocol.check_same_protocol(members)
        rows = {}
        for run in members:
            if run.steps[0] <= limit:
                rows.setdefault(name_of(run.flags), []).append(run)
        table[cell] = {name: _join(name, cell, row, limit, may_differ) for name, row in rows.items()}
    return table


def _budget(run):
    return run.flags.number("steps_per_task", run.steps[-1])


def _join(name, cell, runs, limit, may_differ):
    budgets = {_budget(run) for run in runs}
    budget = min((budget for budget in budgets if budget >= limit), default=max(budgets))
    chosen = [run for run in runs if _budget(run) == budget]
    protocol.check_same_method(chosen, may_differ)
    steps = _common_steps(chosen, limit)
    at_end = [run for run in chosen if budget <= limit and run.goal_sets]
    if len({run.goal_sets for run in at_end}) > 1:
        raise ValueError(
            f"The final.csv of the runs of {name} hold different numbers of goal sets: report them one at a time."
        )
    return Group(
        name,
        cell,
        chosen[0].flags,
        chosen[0].tasks,
        tuple(seed for run in chosen for seed in run.seeds),
        tuple(str(run.folder) for run in chosen for _ in run.seeds),
        steps,
        np.concatenate([run.success[:, : len(steps)] for run in chosen]),
        np.concatenate([run.final for run in at_end] or [np.zeros((0, len(chosen[0].tasks)))]),
        tuple(seed for run in at_end for seed in run.seeds),
        at_end[0].goal_sets if at_end else 0,
        _notes(chosen, len(runs), steps, budget, limit),
    )


def _common_steps(runs, limit):
    shortest = min((run.steps for run in runs), key=len)
    steps = shortest[shortest <= limit]
    for run in runs:
        if not np.array_equal(run.steps[: len(steps)], steps):
            raise ValueError(f"{runs[0].folder} and {run.folder} were evaluated at different steps: keep one of them.")
    return steps


def _notes(chosen, num_runs, steps, budget, limit):
    target = min(budget, limit)
    period = steps[-1] - steps[-2] if len(steps) > 1 else steps[-1]
    notes = []
    if steps[-1] + period <= target:
        notes.append(f"unfinished: {steps[-1]:,} of {target:,.0f} steps per task")
    if budget > limit:
        notes.append(f"runs of {budget:,.0f} steps per task cut at {limit:,}, where they have no final performance")
    if num_runs > len(chosen):
        notes.append(f"{num_runs - len(chosen)} run(s) of another --steps_per_task left out")
    return tuple(notes)
