"""eval.csv and train.csv: tables that a full disk, a kill and a resume leave whole."""

import csv
import io
import logging
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cmta_jax.storage import atomic
from cmta_jax.storage.append_file import AppendFile
from cmta_jax.storage.table_file import convert, read_table, whole_number
from cmta_jax.tracking.listeners import Listener

log = logging.getLogger(__name__)


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

    Raises:
        ValueError: the file that is there is not such a table.
    """

    def __init__(self, path: pathlib.Path, start: int = 0, columns: Sequence[str] = ()):
        kept = _up_to(path, start, columns)
        if path.exists():
            atomic.replace(path, _lines(kept))
        self._columns = tuple(kept[0]) if kept else ()
        self._file, self._path = AppendFile(path), path
        self._left_out: set[str] = set()
        if columns and not self._columns:
            self._begin(columns)

    def add(self, row: Mapping[str, Any]) -> None:
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

    def _begin(self, columns: Iterable[str]) -> None:
        self._columns = tuple(columns)
        self._write(self._columns)

    def _write(self, cells: Sequence[str]) -> None:
        self._file.append(_lines([cells]))


def _text(value: Any) -> str:
    return f"{float(value):.6g}" if isinstance(value, float | np.floating) else str(value)


def _up_to(path: pathlib.Path, step: int, columns: Sequence[str]) -> list[Sequence[str]]:
    """The header and the rows up to `step` of the table that is there; nothing if there is none."""
    if not path.exists():
        return []
    table = read_table(path, columns or ("step", "seed", "..."))
    kept: list[Sequence[str]] = [table.columns] if table.columns else []
    rows = table.rows
    if table.cut and len(table.cut) == len(table.columns) and table.cut[0].isdecimal():
        # A kill cuts later rows only, because a checkpoint follows a sync; an editor may have taken the line's end.
        rows = [*rows, (len(rows) + 2, [*table.cut])]
    for number, cells in rows:
        (at,) = convert(path, number, cells, {"step": whole_number})
        if at <= step:
            kept.append([str(at), *cells[1:]])
    return kept


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
