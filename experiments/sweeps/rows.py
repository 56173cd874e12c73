"""Names on the command line to cells (a row on a benchmark, with its flagfile) and groups of seeds."""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from experiments.command_line.flagfiles import SHIPPED

TABLES: dict[str, dict[str, dict[str, str]]] = json.loads((SHIPPED / "tables.json").read_text(encoding="utf-8"))
MOST_SEEDS = 10_000


class Cell(NamedTuple):
    """A row of a table on one benchmark."""

    benchmark: str  # mt10_mixed
    row: str  # care_cl, the name of its flagfile

    @property
    def flagfile(self) -> str:
        """Name of the shipped flagfile."""
        return f"{self.benchmark}/{self.row}.flags"


def find_cells(rows: Sequence[str], benchmarks: Sequence[str]) -> list[Cell]:
    """The cells that names of tables, rows and flagfiles mean, each once, benchmark by benchmark.

    Args:
        rows: tables of the paper (`table_1`), rows of them (`CARE + CL`) or shipped flagfiles (`care_cl`).
        benchmarks: folders of shipped flagfiles, such as `mt10_mixed`.

    Raises:
        ValueError: a name is unknown, or means nothing on any of the benchmarks.
    """
    known = sorted(path.name for path in SHIPPED.iterdir() if path.is_dir() and path.name != "methods")
    for benchmark in benchmarks:
        if benchmark not in known:
            raise ValueError(f"--benchmarks={benchmark} is unknown: give some of {', '.join(known)}.")
    if not rows or not benchmarks:
        raise ValueError("A sweep needs rows and benchmarks, as in --rows=table_1 --benchmarks=mt10_mixed.")
    meant = {name: _cells_of(name) for name in rows}
    for name, cells in meant.items():
        there = sorted({cell.benchmark for cell in cells})
        if not set(there) & set(benchmarks):
            raise ValueError(f"--rows={name} has no runs on {', '.join(benchmarks)}: give some of {', '.join(there)}.")
    found = dict.fromkeys(cell for cells in meant.values() for cell in cells)
    return [cell for benchmark in dict.fromkeys(benchmarks) for cell in found if cell.benchmark == benchmark]


def _cells_of(name: str) -> list[Cell]:
    """The cells of a table, a row or a flagfile, on all benchmarks."""
    wanted = _plain(name.removesuffix(".flags"))
    files = []
    for table, rows in TABLES.items():
        for row, cells in rows.items():
            if wanted in (_plain(table), _plain(row)):
                files += cells.values()
    if not files:
        shipped = sorted(SHIPPED.glob("*/*.flags"))
        files = [f"{path.parent.name}/{path.name}" for path in shipped if _plain(path.stem) == wanted]
    found = [Cell(*file.removesuffix(".flags").split("/")) for file in files]
    found = [cell for cell in found if cell.benchmark != "methods"]
    if not found:
        tables = ", ".join(table.replace(" ", "_") for table in TABLES)
        raise ValueError(f"--rows={name} is unknown: give tables ({tables}), their rows, or flagfiles such as care_cl.")
    return list(dict.fromkeys(found))


def _plain(name: str) -> str:
    """The letters and digits of a name, so that `Table 1`, `table_1` and `table1` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def seed_groups(text: str, size: int) -> list[range]:
    """Consecutive seeds, at most `size` in a group: `0-7` with size 4 gives 0 to 3 and 4 to 7.

    Raises:
        ValueError: the text is not a list of seeds.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**31:
            raise ValueError(f"--seeds={text} is not a list of seeds: write it as 0-7 or 0,2,5-6.")
        if last - first >= MOST_SEEDS:
            raise ValueError(f"--seeds={text} is more than {MOST_SEEDS} seeds: give fewer.")
        seeds.update(range(first, last + 1))
    groups: list[range] = []
    for seed in sorted(seeds):
        if groups and groups[-1].stop == seed and len(groups[-1]) < size:
            groups[-1] = range(groups[-1].start, seed + 1)
        else:
            groups.append(range(seed, seed + 1))
    return groups
