"""What an evaluation gave, as a table to read and as a file."""

import csv
import pathlib
from typing import NamedTuple

import numpy as np

from cmta_jax.results.statistics import wilson_interval
from experiments.reporting.text_table import text_table

COLUMNS = ("protocol", "step", "seed", "task", "episodes", "successes", "mean_return")
HEADER = ("task", "success (%)", "Wilson 95 %", "episodes", "mean return")


class Outcome(NamedTuple):
    """Successes and returns of one protocol."""

    protocol: str
    meaning: str  # of the protocol, one sentence
    step: int  # environment steps per task behind the policy
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    episodes: int  # per seed and task
    successes: np.ndarray  # [S, N]
    mean_return: np.ndarray  # [S, N], of raw rewards


def table(outcome: Outcome) -> str:
    """Success per task over all seeds, with Wilson's interval over episodes, under the name of the protocol."""
    trials = outcome.episodes * len(outcome.seeds)
    rows: list[tuple[str, ...]] = [HEADER]
    for i, task in enumerate(outcome.tasks):
        successes = int(outcome.successes[:, i].sum())
        share, (low, high) = successes / trials, wilson_interval(successes, trials)
        interval = f"[{100 * low:.1f}, {100 * high:.1f}]"
        rows.append((task, f"{100 * share:.1f}", interval, str(trials), f"{outcome.mean_return[:, i].mean():.1f}"))
    share, total = outcome.successes.mean() / outcome.episodes, str(trials * len(outcome.tasks))
    mean = f"mean of {len(outcome.tasks)} tasks"
    rows.append((mean, f"{100 * share:.1f}", "", total, f"{outcome.mean_return.mean():.1f}"))
    return "\n".join([f"Protocol '{outcome.protocol}': {outcome.meaning}", *text_table(rows)])


def write(outcome: Outcome, path: pathlib.Path) -> None:
    """Writes a CSV file with a row per seed and task."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (s, n), successes in np.ndenumerate(outcome.successes):
            place = outcome.protocol, outcome.step, outcome.seeds[s], outcome.tasks[n]
            writer.writerow((*place, outcome.episodes, int(successes), f"{outcome.mean_return[s, n]:.6g}"))
