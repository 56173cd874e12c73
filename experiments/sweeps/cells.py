"""The runs of a sweep: the names of their folders, and their flags, checked before anything starts."""

import pathlib
import re
from collections.abc import Sequence

from cmta_jax.runs.settings import as_flags
from cmta_jax.storage.flag_rules import MAY_CHANGE
from cmta_jax.storage.run_folder import FLAGS, check_flags
from experiments.command_line.flagfiles import expand
from experiments.command_line.parse import parse, values_of
from experiments.sweeps.folders import SweepRun, finished
from experiments.sweeps.rows import Cell

SET_BY_THE_SWEEP = ("seed", "num_seeds", "workdir", "resume")
NAME = re.compile(r"seeds_(\d+)(?:-(\d+))?")


def list_runs(
    out: pathlib.Path, cells: Sequence[Cell], groups: Sequence[range], shared: Sequence[str]
) -> list[SweepRun]:
    """The runs of a sweep, seed groups first, so that every cell soon has its first seeds.

    Args:
        out: folder of the sweep.
        cells, groups: rows on benchmarks, and seeds.
        shared: flags for every run; they win over those of the row.

    Raises:
        ValueError: a flag is wrong for a run, the sweep sets it itself, or a folder holds another run.
    """
    given = values_of(expand(shared))
    for name in SET_BY_THE_SWEEP:
        if name in given:
            raise ValueError(f"--{name} is set by the sweep for each run: leave it out.")
    runs = []
    for group in groups:
        for cell in cells:
            _check_method(cell, given.get("method"))
            seeds = f"{group[0]}-{group[-1]}" if len(group) > 1 else f"{group[0]}"
            folder = out / cell.benchmark / cell.row / f"seeds_{seeds}"
            own = (f"--seed={group[0]}", f"--num_seeds={len(group)}", f"--workdir={folder}")
            runs.append(SweepRun(folder, (f"--flagfile={cell.flagfile}", *shared, *own)))
    for run in runs:
        _check(run)
    return runs


def _check_method(cell: Cell, method: str | None) -> None:
    own = values_of(expand([f"--flagfile={cell.flagfile}"]))["method"]
    if method not in (None, own):
        raise ValueError(f"--method={method} contradicts the row {cell.row}, whose method is {own}: leave it out.")


def _check(run: SweepRun) -> None:
    """Raises ValueError if the flags are wrong, or differ from those that the folder was made with."""
    flags = as_flags(parse(run.flags).values())
    if (run.folder / FLAGS).is_file():
        longer = {"steps_per_task"} if finished(run.folder) else set()  # a finished run is not made longer
        check_flags(run.folder, flags, [name for name in MAY_CHANGE if name not in longer])
    own = _seeds(run.folder)
    for other in run.folder.parent.glob("seeds_*/"):
        if other.name != run.folder.name and (other / FLAGS).is_file() and set(_seeds(other)) & set(own):
            raise ValueError(f"{other} has seeds of {run.folder.name}: give its --seeds_per_run, or another --out.")


def _seeds(folder: pathlib.Path) -> range:
    """The seeds in the name of a run folder."""
    match = NAME.fullmatch(folder.name)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
