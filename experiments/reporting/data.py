"""The numbers behind tables and figures as CSV, a line for each seed, for analyses that the report does not make."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from cmta_jax.results import statistics
from cmta_jax.results.grouping import Group
from cmta_jax.results.protocol import Cell
from experiments.reporting.tables import Groups


def per_seed(groups: Groups) -> str:
    """CSV: each seed's own maxima and final success (shares), and the folder that it was read from."""
    rows: list[tuple[Any, ...]] = [
        ("benchmark", "goals", "agent", "seed", "folder", "steps", "max_smoothed", "max_raw", "final_mean")
    ]
    for cell, agent, group in _each(groups):
        final = dict(zip(group.final_seeds, group.final.mean(axis=1), strict=True))
        for seed, folder, success in zip(group.seeds, group.folders, group.success, strict=True):
            maxima = statistics.max_smoothed(success[None]), statistics.max_raw(success[None])
            last = f"{final[seed]:.6f}" if seed in final else ""
            rows.append((*cell, agent, seed, folder, group.steps[-1], *(f"{value:.6f}" for value in maxima), last))
    return _text(rows)


def curves(groups: Groups) -> str:
    """CSV: mean success over tasks (a share) of each seed at each evaluation, not smoothed."""
    rows: list[tuple[Any, ...]] = [("benchmark", "goals", "agent", "seed", "step", "success")]
    for cell, agent, group in _each(groups):
        for seed, success in zip(group.seeds, group.success.mean(axis=2), strict=True):
            points = zip(group.steps, success, strict=True)
            rows += [(*cell, agent, seed, step, f"{share:.6f}") for step, share in points]
    return _text(rows)


def _each(groups: Groups) -> list[tuple[Cell, str, Group]]:
    return [(cell, agent, group) for cell, row in groups.items() for agent, group in row.items()]


def _text(rows: Iterable[tuple[Any, ...]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
