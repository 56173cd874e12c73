"""Run folders read back: evaluations and final performance as arrays, with the flags that made them."""

import dataclasses
import glob
import math
import os
import pathlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from cmta_jax.storage.flags_file import Flags, read_flags
from cmta_jax.storage.table_file import convert, read_table, whole_number


class UnfinishedWarning(UserWarning):
    """Something at the end of a file is incomplete, as in a run that was stopped or still goes on, and is left out."""


class NoEvaluation(ValueError):
    """A run folder that holds no complete evaluation yet."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What one run folder holds; `F` of its `S` seeds (all or none) have played the final episodes.

    Attributes:
        folder: where it was read.
        flags: the resolved flags of the run.
        seeds: seed of each place on axis S, ascending.
        tasks: name of each place on axis N, in the run's order.
        steps: environment steps per task at each evaluation, `[T]`.
        success: mean over the episodes of an evaluation of "any step succeeded", `[S, T, N]`.
        final: mean success of the last policy over the goal sets, `[F, N]`.
        goal_sets: how many goal sets `final` averages; 0 without a complete final.csv.
    """

    folder: pathlib.Path
    flags: Flags
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    steps: np.ndarray
    success: np.ndarray
    final: np.ndarray
    goal_sets: int


def read_run(folder: str | pathlib.Path) -> Run:
    """Reads a run folder (`flags.flags`, `eval.csv` and, once the run has ended, `final.csv`).

    An unfinished end (half a row, part of an evaluation) is left out with an `UnfinishedWarning`.

    Raises:
        ValueError: it is not a run folder, a file is malformed, or evaluations miss seeds or tasks.
        NoEvaluation: no evaluation is complete yet.
    """
    folder = pathlib.Path(folder)
    if not (folder / "flags.flags").is_file():
        raise ValueError(f"{folder} is not a run folder: it has no flags.flags.")
    if not (folder / "eval.csv").is_file():
        raise NoEvaluation(f"{folder} holds no evaluation yet: it has no eval.csv.")
    flags = read_flags(folder / "flags.flags")
    seeds, tasks, steps, success = _evaluations(folder / "eval.csv")
    final, goal_sets = _final(folder / "final.csv", seeds, tasks)
    return Run(folder, flags, seeds, tasks, steps, success, final, goal_sets)


def _evaluations(path):
    table = {}
    for step, seed, task, success, _ in _rows(path, EVALUATION):
        if (step, seed, task) in table:
            raise ValueError(f"{path} holds step {step}, seed {seed}, {task} twice: remove one of the rows.")
        table[step, seed, task] = success
    steps = sorted({step for step, _, _ in table})
    seeds = tuple(sorted({seed for _, seed, _ in table}))
    tasks = tuple(dict.fromkeys(task for _, _, task in table))
    missing = {step for step in steps for seed in seeds for task in tasks if (step, seed, task) not in table}
    if steps and missing == {steps[-1]}:
        _warn(f"{path}: the evaluation at step {steps.pop()} is incomplete; it is left out.")
    elif missing:
        raise ValueError(f"{path}: the evaluation at step {min(missing)} lacks rows of some seeds or tasks.")
    if not steps:
        raise NoEvaluation(f"{path} holds no complete evaluation yet.")
    success = [[[table[step, seed, task] for task in tasks] for step in steps] for seed in seeds]
    return seeds, tasks, np.array(steps), np.array(success)


def _final(path, seeds, tasks):
    nothing = np.zeros((0, len(tasks))), 0
    if not path.is_file():
        return nothing
    table = {}
    for seed, task, goal_set, success, _ in _rows(path, FINAL):
        goal_sets = table.setdefault((seed, task), {})
        if goal_set in goal_sets:
            raise ValueError(f"{path} holds seed {seed}, {task}, goal set {goal_set} twice: remove one of the rows.")
        goal_sets[goal_set] = success
    if foreign := sorted({task for _, task in table} - set(tasks)):
        raise ValueError(f"{path} has the task '{foreign[0]}', which the run's eval.csv does not have.")
    counts = {len(table.get((seed, task), ())) for seed in seeds for task in tasks}
    if len(counts) > 1 or 0 in counts or len(table) > len(seeds) * len(tasks):
        _warn(f"{path} does not hold the same goal sets for all seeds and tasks; it is left out.")
        return nothing
    means = [[math.fsum(table[seed, task].values()) / len(table[seed, task]) for task in tasks] for seed in seeds]
    return np.array(means), counts.pop()


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(text)
    return text


EVALUATION = {"step": whole_number, "seed": whole_number, "task": _name, "success": _share, "episode_return": float}
FINAL = {"seed": whole_number, "task": _name, "goal_set": whole_number, "success": _share, "episode_return": float}


def _rows(path: pathlib.Path, kinds: Mapping[str, Callable[[str], Any]]) -> Iterator[tuple]:
    """The values of each row of a table whose columns are those of `kinds`."""
    table = read_table(path, tuple(kinds))
    if table.cut:
        _warn(f"{path}: the last row is half written; it is left out.")
    return (convert(path, number, cells, kinds) for number, cells in table.rows)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, UnfinishedWarning, stacklevel=4)  # points at the caller of `read_run`


def find_runs(patterns: Iterable[str]) -> list[pathlib.Path]:
    """Run folders that the patterns name (`**` descends), without those inside another run folder (its checkpoints).

    The leading part of a pattern that exists as it is written is taken literally: `runs/[a]` is the folder `[a]` where
    there is one.

    Raises:
        ValueError: a pattern matches no run folder.
    """
    found = {}
    for pattern in patterns:
        found_paths = sorted(glob.glob(_literal_where_it_exists(pattern), recursive=True))
        matches = [pathlib.Path(path) for path in found_paths]
        folders = [match for match in matches if _is_run(match)]
        if not folders:
            raise ValueError(f"No run folder (flags.flags beside eval.csv) matches '{pattern}': {_remedy(matches)}")
        found.update((folder.resolve(), folder) for folder in folders)
    return [folder for path, folder in found.items() if not any(parent in found for parent in path.parents)]


def _literal_where_it_exists(pattern: str) -> str:
    """The pattern with its longest leading part that exists escaped."""
    parts, count = pathlib.PurePath(pattern).parts, 0
    while count < len(parts) and os.path.exists(os.path.join(*parts[: count + 1])):
        count += 1
    return os.path.join(*(glob.escape(part) for part in parts[:count]), *parts[count:]) if parts else pattern


def _is_run(path: pathlib.Path) -> bool:
    """Whether it is a run folder; also true where that may not be seen, so that reading it says why."""
    try:
        return path.is_dir() and any((path / name).is_file() for name in ("flags.flags", "eval.csv"))
    except OSError:  # the folder of another user
        return True


def _remedy(matches):
    deeper = [match for match in matches if any(match.glob("*/**/eval.csv"))]
    return f"did you mean '{deeper[0]}/**'?" if deeper else "give run folders, as in 'runs/**'."
