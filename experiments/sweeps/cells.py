"""The run folders of a sweep: their names, their commands, and what state each is in."""

import pathlib
import re
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from cmta_jax.checkpoint.folder import steps as checkpoint_steps
from cmta_jax.results.reading import read_run
from cmta_jax.runs.settings import as_flags
from cmta_jax.storage.flag_rules import MAY_CHANGE
from cmta_jax.storage.flags_file import read_flags
from cmta_jax.storage.lock import FolderInUse, FolderLock
from cmta_jax.storage.run_folder import FLAGS, check_flags
from experiments.command_line.flagfiles import expand
from experiments.command_line.parse import parse, values_of
from experiments.sweeps.rows import Cell

SET_BY_THE_SWEEP = ("seed", "num_seeds", "workdir", "resume")
NAME = re.compile(r"seeds_(\d+)(?:-(\d+))?")


class SweepRun(NamedTuple):
    """One run of a sweep: a cell with one group of seeds."""

    folder: pathlib.Path
    flags: tuple[str, ...]  # of experiments.run, without --resume

    @property
    def name(self) -> str:
        """Benchmark, row and seeds."""
        return "/".join(self.folder.parts[-3:])

    @property
    def output(self) -> pathlib.Path:
        """What the run prints, beside its folder."""
        return self.folder.with_name(self.folder.name + ".log")

    def arguments(self) -> list[str]:
        """The flags that start the run, or go on with it where its folder holds one."""
        resume = ["--resume"] if (self.folder / FLAGS).is_file() else []
        return [*self.flags, *resume]


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


def finished(folder: pathlib.Path) -> bool:
    """Whether a run has ended: it writes final.csv, in one piece, after its last checkpoint.

    A run that was made longer has an old final.csv; its newest checkpoint tells.
    """
    if not (folder / "final.csv").is_file() or not (folder / FLAGS).is_file():
        return False
    saved = checkpoint_steps(folder / "checkpoints")
    return not saved or saved[-1] >= read_flags(folder / FLAGS).number("steps_per_task", 0)


def in_use(folder: pathlib.Path) -> bool:
    """Whether a process is running in the folder."""
    if not (folder / "lock").exists():
        return False
    try:
        FolderLock(folder).close()
    except FolderInUse:
        return True
    return False


def last_sentence(output: pathlib.Path) -> str:
    """The last line that a run printed."""
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "it printed nothing."
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing.")


def status_rows(out: pathlib.Path) -> list[tuple[str, str, str, str]]:
    """Name, state, step and success of every run of a sweep, from the folders alone.

    Raises:
        ValueError: there are none.
    """
    logs = {path.with_suffix("") for path in out.glob("*/*/seeds_*.log")}
    folders = sorted(logs | {path.parent for path in out.glob(f"*/*/seeds_*/{FLAGS}")})
    if not folders:
        raise ValueError(f"{out} holds no runs of a sweep: give the --out of one.")
    return [("/".join(folder.parts[-3:]), _state(folder), *_progress(folder)) for folder in folders]


def _state(folder: pathlib.Path) -> str:
    last = last_sentence(folder.with_name(folder.name + ".log"))
    if finished(folder):
        return "finished"
    if in_use(folder):
        return "running"
    return "failed" if last.startswith("error:") else "unfinished"


def _progress(folder: pathlib.Path) -> tuple[str, str]:
    """Steps of the newest evaluation and mean success: of the final episodes where there are any."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # half a row, while the run goes on
            run = read_run(folder)
    except (ValueError, OSError):
        return "-", "-"
    success = run.final.mean() if run.goal_sets else run.success[:, -1].mean()
    return f"{run.steps[-1]}/{run.flags.text('steps_per_task')}", f"{success:.2f}"
