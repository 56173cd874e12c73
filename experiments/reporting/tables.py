"""The paper's Tables 1, 2 and 8 as values: its figures, and beside them what the run folders say."""

import json
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from cmta_jax.results import statistics
from cmta_jax.results.grouping import Group
from cmta_jax.results.protocol import Cell
from experiments.reporting import cells

PAPER = json.loads(pathlib.Path(__file__).with_name("paper_tables.json").read_text(encoding="utf-8"))
SHOWN = {(row["name"], cell) for table in PAPER["tables"] for row in table["rows"] for cell in table["cells"]}

Groups = Mapping[Cell, Mapping[str, Group]]


class Measured(NamedTuple):
    """Our side of a row, success in percent; NaN where there is nothing to compute it from."""

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


class Line(NamedTuple):
    """A row of a block; None where the paper or we have nothing."""

    label: str
    paper: tuple[float, float] | None  # (max smoothed, max), percent
    measured: Measured | None


class Block(NamedTuple):
    """The rows of one benchmark; `protocol` is empty without runs."""

    cell: Cell
    protocol: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


class Table(NamedTuple):
    """One of the paper's tables."""

    number: int
    title: str
    blocks: tuple[Block, ...]


def measure(group: Group) -> Measured:
    """The figures of one row."""
    nan = float("nan")
    final = (nan,) * 4
    if group.goal_sets:
        iqm = float(statistics.interquartile_mean(group.final))
        final = (float(group.final.mean()), iqm, *statistics.bootstrap_interval(group.final))
    shares = (statistics.max_smoothed(group.success), statistics.max_raw(group.success), *final)
    counts = (len(group.seeds), len(group.final_seeds), group.goal_sets, int(group.steps[-1]))
    return Measured(*(100 * share for share in shares), *counts)


def paper_table(description: Mapping, groups: Groups) -> Table:
    """One table of `PAPER`, filled in.

    Table 1 also shows what belongs to no table of the paper: further methods, and further benchmarks.
    """
    columns = [Cell(*name.split()) for name in description["cells"]]
    others = [cell for cell in groups if " ".join(cell) not in PAPER["tables"][0]["cells"]]
    blocks = [_block(description, cell, groups.get(cell, {})) for cell in columns]
    if description["number"] == 1:
        blocks += [_block({"rows": (), "number": 1}, cell, groups[cell]) for cell in others]
    return Table(description["number"], description["title"], tuple(blocks))


def _block(description, cell, groups):
    rows = [(row["label"], row["paper"].get(" ".join(cell)), groups.get(row["name"])) for row in description["rows"]]
    if description["number"] == 1:
        rows += [(name, None, group) for name, group in groups.items() if (name, " ".join(cell)) not in SHOWN]
    lines = tuple(Line(label, paper, group and measure(group)) for label, paper, group in rows)
    notes = tuple(f"{label}: {note}." for label, _, group in rows if group for note in _notes(group))
    protocol = next((cells.protocol_sentence(group.flags) for _, _, group in rows if group), "")
    return Block(cell, protocol, lines, notes)


def _notes(group):
    notes = list(group.notes)
    if group.goal_sets not in (0, 50):
        notes.append(f"final performance is over {group.goal_sets} goal set(s), not 50")
    if 0 < len(group.final_seeds) < len(group.seeds):
        notes.append(f"final performance is of {len(group.final_seeds)} of {len(group.seeds)} seeds")
    return notes
