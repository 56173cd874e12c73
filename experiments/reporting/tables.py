"""The paper's Tables 1, 2 and 8 as values: its numbers, and beside them those of the run folders."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cmta_jax.results import statistics
from cmta_jax.results.grouping import Group
from cmta_jax.results.protocol import Cell
from experiments.reporting import cells
from experiments.reporting.costs import read_costs

PAPER = json.loads(pathlib.Path(__file__).with_name("paper_tables.json").read_text(encoding="utf-8"))
SHOWN = {(row["name"], cell) for table in PAPER["tables"] for row in table["rows"] for cell in table["cells"]}

Groups = Mapping[Cell, Mapping[str, Group]]


class Measured(NamedTuple):
    """Our numbers of a row, success in percent; NaN where a number cannot be computed."""

    max_smoothed: float
    max_raw: float
    final_mean: float
    final_iqm: float
    final_low: float  # 95 % bootstrap interval of the interquartile mean, over seeds and tasks
    final_high: float
    seeds: int
    final_seeds: int
    goal_sets: int
    steps: int
    parameters: float  # of one seed: networks and temperatures, without target networks
    wall_hours: float  # of all runs, one after another
    device_hours: float
    devices: str  # kinds
    versions: str  # as in `metaworld 3.1.1, mujoco 3.3.0, jax 0.10.2`


class Line(NamedTuple):
    """A row of a block; None where the paper has no number, or we have no run."""

    label: str
    paper: tuple[float, float] | None  # (max smoothed, max), percent
    measured: Measured | None


class Block(NamedTuple):
    """The rows of one benchmark; `protocol` is empty without runs."""

    cell: Cell
    protocol: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def versions(self) -> str:
        """What the runs were made with, in one sentence; empty if no file tells."""
        found = dict.fromkeys(line.measured.versions for line in self.lines if line.measured)
        texts = [text for text in found if text]
        unknown = ", and some unknown" if texts and "" in found else ""
        return f"Made with {'; '.join(texts)}{unknown}." if texts else ""


class Table(NamedTuple):
    """One of the paper's tables."""

    number: int
    title: str
    blocks: tuple[Block, ...]


def measure(group: Group) -> Measured:
    """The figures of one row."""
    mean = iqm = low = high = float("nan")
    if group.goal_sets:
        mean, iqm = float(group.final.mean()), float(statistics.interquartile_mean(group.final))
        low, high = statistics.bootstrap_interval(group.final)
    costs = read_costs(group.folders)
    return Measured(
        max_smoothed=100 * statistics.max_smoothed(group.success),
        max_raw=100 * statistics.max_raw(group.success),
        final_mean=100 * mean,
        final_iqm=100 * iqm,
        final_low=100 * low,
        final_high=100 * high,
        seeds=len(group.seeds),
        final_seeds=len(group.final_seeds),
        goal_sets=group.goal_sets,
        steps=int(group.steps[-1]),
        parameters=costs.parameters,
        wall_hours=costs.wall_hours,
        device_hours=costs.device_hours,
        devices=", ".join(costs.devices),
        versions=", ".join(costs.versions),
    )


def paper_table(description: Mapping[str, Any], groups: Groups) -> Table:
    """One table of `PAPER` with our numbers. Table 1 also has our methods and benchmarks that the paper has not.

    Args:
        description: an element of `PAPER["tables"]`.
        groups: our runs, cut at the table's number of steps.
    """
    columns = [Cell(*name.split()) for name in description["cells"]]
    others = [cell for cell in groups if not _in_the_paper(cell)]
    blocks = [_block(description, cell, groups.get(cell, {})) for cell in columns]
    if description["number"] == 1:
        blocks += [_block({"rows": (), "number": 1}, cell, groups[cell]) for cell in others]
    return Table(description["number"], description["title"], tuple(blocks))


def of_the_papers_benchmarks(table: Table) -> Table:
    """The table without our own benchmarks."""
    return table._replace(blocks=tuple(block for block in table.blocks if _in_the_paper(block.cell)))


def of_other_benchmarks(table: Table) -> Table:
    """The table with our own benchmarks alone."""
    return table._replace(blocks=tuple(block for block in table.blocks if not _in_the_paper(block.cell)))


def _in_the_paper(cell: Cell) -> bool:
    return " ".join(cell) in PAPER["tables"][0]["cells"]


def with_runs(table: Table) -> Table:
    """The table without the benchmarks that have no run."""
    return table._replace(blocks=tuple(block for block in table.blocks if block.protocol))


def without_runs(table: Table) -> str:
    """The benchmarks of a table that have no run, as in `Table 1 (MT10-Fixed, MT50-Mixed)`; empty if all have one."""
    names = ", ".join(cells.title(block.cell) for block in table.blocks if not block.protocol)
    return f"Table {table.number} ({names})" if names else ""


def _block(description: Mapping[str, Any], cell: Cell, groups: Mapping[str, Group]) -> Block:
    rows = [(row["label"], row["paper"].get(" ".join(cell)), groups.get(row["name"])) for row in description["rows"]]
    if description["number"] == 1:
        rows += [(name, None, group) for name, group in groups.items() if (name, " ".join(cell)) not in SHOWN]
    lines = tuple(Line(label, paper, measure(group) if group else None) for label, paper, group in rows)
    notes = tuple(f"{label}: {note}." for label, _, group in rows if group for note in _notes(group))
    protocol = next((cells.protocol_sentence(group.flags) for _, _, group in rows if group), "")
    return Block(cell, protocol, lines, notes)


def _notes(group: Group) -> Iterator[str]:
    yield from group.notes
    if group.goal_sets not in (0, 50):
        yield f"final performance is over {group.goal_sets} goal set(s), not 50"
    if 0 < len(group.final_seeds) < len(group.seeds):
        yield f"final performance is of {len(group.final_seeds)} of {len(group.seeds)} seeds"
