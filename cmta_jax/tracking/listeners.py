"""Listeners: what happens to the numbers of a run. Every listener has the four methods of `Listener`."""

import csv
import io
import logging
import pathlib
from collections.abc import Sequence

import numpy as np

from cmta_jax.storage import atomic
from cmta_jax.storage.append_file import AppendFile

log = logging.getLogger(__name__)


class Listener:
    """Hears of a run and does nothing: the base of all listeners, and the one for those who want none.

    `step` counts environment steps per task. Arrays are numpy arrays, the seed on the first axis.
    """

    def metrics(self, step: int, values: dict[str, np.ndarray]) -> None:
        """Hears what the learner measured: values `[S]` or, one per task, `[S, N]`."""

    def evaluation(self, step: int, success: np.ndarray, episode_return: np.ndarray) -> None:
        """Hears an evaluation: success rate in [0, 1] and mean return of raw rewards, `[S, N]` each."""

    def sync(self) -> None:
        """Makes all that was heard durable; called before a checkpoint is saved."""

    def close(self) -> None:
        """Hears no more."""


class Several(Listener):
    """Passes everything on to `listeners`, in order."""

    def __init__(self, *listeners: Listener):
        self.listeners = listeners

    def metrics(self, step, values):
        for listener in self.listeners:
            listener.metrics(step, values)

    def evaluation(self, step, success, episode_return):
        for listener in self.listeners:
            listener.evaluation(step, success, episode_return)

    def sync(self):
        for listener in self.listeners:
            listener.sync()

    def close(self):
        for listener in self.listeners:
            listener.close()


class CsvWriter(Listener):
    """Writes eval.csv (`step,seed,task,success,episode_return`) and train.csv (`step,seed,<metrics>`).

    A metric that has one value per task gets a column with their mean and one column `metric/task` for each.

    Args:
        folder: of the run.
        seeds: their numbers, [S].
        tasks: their names, [N].
        start: rows of later steps than this are dropped from files that are there, so that a resumed run has
            each row once.
        evaluated: the same for eval.csv, if it is another step.
    """

    def __init__(
        self, folder: str | pathlib.Path, seeds: Sequence[int], tasks: Sequence[str], start: int = 0,
        evaluated: int | None = None,
    ):  # fmt: skip
        self.seeds, self.tasks = tuple(seeds), tuple(tasks)
        folder = pathlib.Path(folder)
        columns = ("step", "seed", "task", "success", "episode_return")
        self._evaluations = CsvFile(folder / "eval.csv", start if evaluated is None else evaluated, columns)
        self._training = CsvFile(folder / "train.csv", start)

    def metrics(self, step, values):
        columns = {}
        for name, value in values.items():
            columns[name] = value if value.ndim == 1 else value.mean(axis=1)
            columns |= {f"{name}/{task}": value[:, i] for i, task in enumerate(self.tasks) if value.ndim == 2}
        for i, seed in enumerate(self.seeds):
            self._training.add({"step": step, "seed": seed, **{name: column[i] for name, column in columns.items()}})

    def evaluation(self, step, success, episode_return):
        for i, seed in enumerate(self.seeds):
            for j, task in enumerate(self.tasks):
                results = {"success": success[i, j], "episode_return": episode_return[i, j]}
                self._evaluations.add({"step": step, "seed": seed, "task": task, **results})
        self.sync()

    def sync(self):
        self._evaluations.sync()
        self._training.sync()

    def close(self):
        self._evaluations.close()
        self._training.close()


class CsvFile:
    """One table that grows by rows. The first row decides the columns if none are given.

    Args:
        path: of the file; what it holds is kept up to step `start`.
        start: rows with a larger `step`, and a row that a kill cut short, are removed.
        columns: names, for a table that has a header before it has rows.
    """

    def __init__(self, path: pathlib.Path, start: int = 0, columns: Sequence[str] = ()):
        kept = _rows_up_to(path, start) if path.exists() else []
        if path.exists():
            atomic.replace(path, "".join(kept).encode())
        self._columns = tuple(next(csv.reader(kept[:1]), ()))
        self._file, self._path, self._left_out = AppendFile(path), path, set()
        if columns and not self._columns:
            self._begin(columns)

    def add(self, row: dict) -> None:
        """Appends one row; numbers keep six significant digits. A value without a column is left out, and logged."""
        if not self._columns:
            self._begin(row)
        unknown = row.keys() - set(self._columns) - self._left_out
        if unknown:  # as in a run that was begun by an older version
            log.warning("%s has no column '%s': it is left out.", self._path, min(unknown))
            self._left_out |= unknown
        self._write([_text(row.get(column, "")) for column in self._columns])

    def sync(self) -> None:
        self._file.sync()

    def close(self) -> None:
        self._file.close()

    def _begin(self, columns) -> None:
        self._columns = tuple(columns)
        self._write(self._columns)

    def _write(self, cells: Sequence[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._file.append(line.getvalue().encode())


def _text(value) -> str:
    return f"{float(value):.6g}" if isinstance(value, float | np.floating) else str(value)


def _rows_up_to(path: pathlib.Path, step: int) -> list[str]:
    """The header and the whole rows of a table up to `step`, as lines."""
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return lines[:1] + [line for line in lines[1:] if int(line.split(",", 1)[0]) <= step]
