"""The numbers behind tables and figures, for analyses that the report does not make.

CSV files with a line for each seed; scores as `rliable` takes them; curves as `marl-eval` takes them.
"""

import csv
import io
import json
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


def rliable_scores(groups: Groups) -> str:
    """JSON: for each benchmark, agent -> `[S, N]`, success of the final policy on each task by seed.

    `{agent: np.array(scores)}` of one benchmark is what functions of `rliable` take.
    """
    scores: dict[str, dict[str, Any]] = {}
    for cell, agent, group in _each(groups):
        if group.goal_sets:
            scores.setdefault(" ".join(cell), {})[agent] = group.final.tolist()
    return json.dumps(scores, indent=1) + "\n"


def marl_eval(groups: Groups) -> str:
    """JSON in the format of `marl-eval`: benchmark -> task -> agent -> seed -> steps with `success`, a list of shares.

    `absolute_metrics`, which it demands, is the success of the final policy; seeds without it are left out.
    """
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for cell, agent, group in _each(groups):
        final = dict(zip(group.final_seeds, group.final, strict=True))
        for seed, success in zip(group.seeds, group.success, strict=True):
            if seed not in final:
                continue
            for index, task in enumerate(group.tasks):
                steps = zip(group.steps.tolist(), success[:, index].tolist(), strict=True)
                run: dict[str, Any] = {
                    f"step_{number}": {"step_count": step, "success": [share]}
                    for number, (step, share) in enumerate(steps, 1)
                }
                run["absolute_metrics"] = {"success": [float(final[seed][index])]}
                tasks = found.setdefault(" ".join(cell), {})
                tasks.setdefault(task, {}).setdefault(agent, {})[f"seed_{seed}"] = run
    return json.dumps(found, indent=1) + "\n"


def _each(groups: Groups) -> list[tuple[Cell, str, Group]]:
    return [(cell, agent, group) for cell, row in groups.items() for agent, group in row.items()]


def _text(rows: Iterable[tuple[Any, ...]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
