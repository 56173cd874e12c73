"""How the rows of a benchmark learnt, and one of them against each of the others, seed by seed."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cmta_jax.results import statistics
from cmta_jax.results.grouping import Group
from cmta_jax.results.protocol import Cell
from experiments.reporting.tables import Groups

AGAINST = "CMTA"  # the row that the others are compared with by default
TITLE = "How they learnt, and paired differences"
LEGEND = (
    "Final: mean success of the last policy over tasks and goal sets. Last five: mean of the last five evaluations. "
    "Steps to 80 %: median over the seeds whose mean success over tasks reached 0.8. Kept: after a task first reached "
    "0.8, the mean of its later evaluations. Ahead by: final success of the row named in the heading less that of this "
    "row, over the seeds that both have, with the 95 % interval of a paired t; the answer is yes or no where the "
    "interval leaves out 0."
)


class Row(NamedTuple):
    """The numbers of a row, success in percent; NaN where one cannot be computed."""

    agent: str
    seeds: int
    final: float
    last_five: float
    solved_seeds: int  # that reached 80 %
    steps_to_solve: float  # median over them
    kept: float
    pairs: int  # seeds that this row and the reference have
    ahead_by: float  # the reference's final success less this row's
    ahead_low: float
    ahead_high: float

    @property
    def answer(self) -> str:
        """Whether the reference is ahead of this row."""
        if not self.pairs or np.isnan(self.ahead_low):
            return ""
        return "yes" if self.ahead_low > 0 else "no" if self.ahead_high < 0 else "cannot tell"


class Comparison(NamedTuple):
    """The rows of one benchmark; `reference` is empty where it has no runs."""

    cell: Cell
    reference: str
    rows: tuple[Row, ...]

    def header(self) -> list[str]:
        """What stands above the columns."""
        head = ["agent", "seeds", "final", "last five", "steps to 80 %", "kept"]
        return [*head, f"{self.reference} ahead by [95 %]", "pairs", "ahead?"] if self.reference else head

    def texts(self) -> list[list[str]]:
        """The cells of all rows."""
        return [_texts(row)[: len(self.header())] for row in self.rows]


def compare(groups: Groups, against: str) -> list[Comparison]:
    """A comparison for each benchmark.

    Args:
        groups: the runs.
        against: the row that the others are compared with.

    Raises:
        ValueError: no benchmark has that row, and it is not the default.
    """
    known = sorted({name for members in groups.values() for name in members})
    if against not in (*known, AGAINST):
        raise ValueError(f"--against={against} is not a row of these runs: give one of {', '.join(known)}.")
    found = []
    for cell, members in groups.items():
        reference = members.get(against)
        rows = tuple(_row(name, group, reference) for name, group in members.items())
        found.append(Comparison(cell, against if reference and len(members) > 1 else "", rows))
    return found


def _row(name: str, group: Group, reference: Group | None) -> Row:
    reached = statistics.steps_to_solve(group.steps, group.success)
    reached = reached[~np.isnan(reached)]
    pairs, ahead = 0, (float("nan"),) * 3
    if reference is not None and reference is not group:
        first, second = _final(reference), _final(group)
        shared = sorted(first.keys() & second.keys())
        pairs = len(shared)
        if pairs:
            own = np.array([[finals[seed] for seed in shared] for finals in (first, second)])
            ahead = statistics.paired_difference(*own)
    return Row(
        agent=name,
        seeds=len(group.seeds),
        final=100 * float(group.final.mean()) if group.goal_sets else float("nan"),
        last_five=100 * float(statistics.last_mean(group.success).mean()),
        solved_seeds=len(reached),
        steps_to_solve=float(np.median(reached)) if len(reached) else float("nan"),
        kept=100 * statistics.retention(group.success),
        pairs=pairs,
        ahead_by=100 * ahead[0],
        ahead_low=100 * ahead[1],
        ahead_high=100 * ahead[2],
    )


def _final(group: Group) -> Mapping[int, float]:
    """Final success over tasks, by seed."""
    return dict(zip(group.final_seeds, group.final.mean(axis=1).tolist(), strict=True)) if group.goal_sets else {}


def _texts(row: Row) -> list[str]:
    def share(value: float) -> str:
        return "-" if np.isnan(value) else f"{value:.1f}"

    steps = f"{row.steps_to_solve:,.0f} ({row.solved_seeds} of {row.seeds} seeds)" if row.solved_seeds else "never"
    ahead = "-"
    if row.pairs:
        spread = "one pair" if np.isnan(row.ahead_low) else f"{row.ahead_low:+.1f}, {row.ahead_high:+.1f}"
        ahead = f"{row.ahead_by:+.1f} [{spread}]"
    numbers = [share(row.final), share(row.last_five), steps, share(row.kept)]
    return [row.agent, str(row.seeds), *numbers, ahead, str(row.pairs), row.answer or "-"]


def comma_separated(comparisons: Sequence[Comparison]) -> str:
    """All comparisons as CSV; missing numbers are empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("benchmark", "goals", "reference", *Row._fields, "ahead"))
    writer.writerows(_lines(comparisons))
    return stream.getvalue()


def _lines(comparisons: Sequence[Comparison]) -> Iterator[list[object]]:
    for comparison in comparisons:
        for row in comparison.rows:
            plain = [f"{value:.4f}" if isinstance(value, float) else value for value in row]
            plain = ["" if text == "nan" else text for text in plain]
            yield [*comparison.cell, comparison.reference, *plain, row.answer]
