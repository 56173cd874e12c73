"""A run of a sweep and its folder: what state it is in, and what it has reached. Jobs on Ray need no JAX for it."""

import csv
import datetime
import functools
import os
import pathlib
import re
from typing import NamedTuple

from cmta_jax.storage.flags_file import read_flags
from cmta_jax.storage.lock import FolderInUse, FolderLock
from cmta_jax.storage.run_folder import FLAGS

TAIL = 32_768  # bytes at the end of a log that are searched
STEP = re.compile(
    r"^(.{19}),\d+ .*: step (\d+)/(\d+) \|.* success (\d\.\d+) (?:.*\| (?:(\d+) d )?(\d+):(\d\d):(\d\d) left)?"
)


class SweepRun(NamedTuple):
    """One run of a sweep: a cell with one group of seeds."""

    folder: pathlib.Path
    flags: tuple[str, ...]  # of experiments.run, without --resume

    @property
    def name(self) -> str:
        """Benchmark, row and seeds."""
        return name_of(self.folder)

    @property
    def output(self) -> pathlib.Path:
        """What the run prints, beside its folder."""
        return output_of(self.folder)

    def arguments(self) -> list[str]:
        """The flags that start the run, or go on with it where its folder holds one."""
        resume = ["--resume"] if (self.folder / FLAGS).is_file() else []
        return [*self.flags, *resume]


def name_of(folder: pathlib.Path) -> str:
    """Benchmark, row and seeds of a run folder."""
    return "/".join(folder.parts[-3:])


def output_of(folder: pathlib.Path) -> pathlib.Path:
    """The file with what a run prints."""
    return folder.with_name(folder.name + ".log")


def finished(folder: pathlib.Path) -> bool:
    """Whether a run has ended: it writes final.csv, in one piece, after its last checkpoint.

    A run that was made longer has an old final.csv; its newest checkpoint tells.
    """
    if not (folder / "final.csv").is_file() or not (folder / FLAGS).is_file():
        return False
    from cmta_jax.checkpoint.folder import steps as checkpoint_steps  # imports JAX, which jobs on Ray seldom need

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


def state_of(folder: pathlib.Path) -> str:
    """One of finished, running, failed, unfinished and waiting (not begun)."""
    if finished(folder):
        return "finished"
    if in_use(folder):
        return "running"
    if last_sentence(output_of(folder)).startswith("error:"):
        return "failed"
    return "unfinished" if (folder / FLAGS).is_file() else "waiting"


class Progress(NamedTuple):
    """What a run has reached, from its log and its final.csv."""

    step: str = "-"  # of the newest evaluation, and of how many
    success: str = "-"  # of that evaluation; of the final episodes where there are any
    seconds_left: float | None = None  # as the run computed it, less the time since; None if unknown


def progress_of(folder: pathlib.Path) -> Progress:
    """Reads the ends of the files only, so that it may be called often."""
    found = [match for line in _tail(folder / "run.log").splitlines() if (match := STEP.match(line))]
    if not found:
        return Progress()
    at, step, steps, success, *left = found[-1].groups()
    if finished(folder):
        final = folder / "final.csv"
        return Progress(f"{step}/{steps}", f"{_final_success(final, final.stat().st_mtime_ns):.2f}", 0.0)
    days, hours, minutes, seconds = (int(number or 0) for number in left)
    since = datetime.datetime.now() - datetime.datetime.fromisoformat(at)
    remaining = ((24 * days + hours) * 60 + minutes) * 60 + seconds - since.total_seconds()
    return Progress(f"{step}/{steps}", success, max(0.0, remaining) if left[1] else None)


def _tail(path: pathlib.Path) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


@functools.lru_cache(maxsize=4096)
def _final_success(path: pathlib.Path, changed: int) -> float:
    """Mean success in final.csv; `changed` tells one version of the file from another."""
    with open(path, newline="", encoding="utf-8") as file:
        values = [float(row["success"]) for row in csv.DictReader(file)]
    return sum(values) / len(values) if values else float("nan")
