"""The first look at a run, without a notebook: a table of its tasks, and success.png beside its eval.csv.

Every run ends with it; for a run that still goes on:  python -m experiments.first_look runs/my_run
"""

import pathlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from cmta_jax.results import statistics
from cmta_jax.results.protocol import cell_of
from cmta_jax.results.reading import Run, read_run
from experiments.command_line.commands import sentence
from experiments.reporting import cells, names, panels, style
from experiments.reporting.text_table import text_table

COLOUR = style.BLUE
HEADER = ("success (%)", "last", "best smoothed", "final policy", "Wilson 95 %")


def main(arguments: Sequence[str]) -> int:
    """Prints the table of each run folder named and draws its success.png.

    Args:
        arguments: run folders.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """
    try:
        if not arguments or any(argument.startswith("-") for argument in arguments):
            raise ValueError("Name a run folder, as in python -m experiments.first_look runs/my_run.")
        for folder in arguments:
            run, path = read_run(folder), pathlib.Path(folder) / "success.png"
            print(summary(run))
            draw(run, path)
            print(f"The curves are in {path}.")
    except (ValueError, OSError) as error:
        print(f"first_look: {sentence(error)}", file=sys.stderr)
        return 2
    return 0


def summary(run: Run) -> str:
    """Success of each task (last evaluation, best smoothed, final policy), the paper's metrics for it, the protocol."""
    smoothed = statistics.smooth(run.success.mean(axis=0))  # [T, N]
    shown = [run.success[:, -1].mean(axis=0), smoothed.max(axis=0)]
    rows: list[tuple[str, ...]] = [HEADER]
    for index, task in enumerate(run.tasks):
        rows.append((task, *(f"{100 * values[index]:.1f}" for values in shown), *_final(run, index)))
    means = (run.success[:, -1].mean(), statistics.max_smoothed(run.success))
    final = f"{100 * run.final.mean():.1f}" if run.goal_sets else "none yet"
    rows.append((f"mean of {len(run.tasks)} tasks", *(f"{100 * mean:.1f}" for mean in means), final, ""))
    return "\n".join([_title(run), *text_table(rows), *_footnotes(run, means[1])])


def _title(run: Run) -> str:
    seeds = f"{len(run.seeds)} seeds" if len(run.seeds) > 1 else f"seed {min(run.seeds)}"
    return f"{names.row_name(run.flags)}, {cells.title(cell_of(run))}, {seeds}, {run.steps[-1]:,} steps per task"


def _final(run: Run, index: int) -> tuple[str, str]:
    """Success of the final policy on a task, and its interval."""
    if not run.goal_sets:
        return "none yet", ""
    episodes = len(run.final) * run.goal_sets
    low, high = statistics.wilson_interval(round(run.final[:, index].sum() * run.goal_sets), episodes)
    return f"{100 * run.final[:, index].mean():.1f}", f"[{100 * low:.1f}, {100 * high:.1f}]"


def _footnotes(run: Run, max_smoothed: float) -> Iterator[str]:
    max_raw = statistics.max_raw(run.success)
    yield f"The paper's metrics for this run: max smoothed {max_smoothed:.2%}, max {max_raw:.2%}."
    if run.goal_sets:
        yield f"Final policy: {run.goal_sets} goal set(s) per task and seed, one episode each."
    yield cells.protocol_sentence(run.flags)


def draw(run: Run, path: str | pathlib.Path) -> None:
    """Draws success against steps: the mean over tasks, then every task. Points are evaluations, lines are smoothed.

    Args:
        run: any number of tasks and seeds; a band shows the standard deviation over several seeds.
        path: of the picture; its ending chooses the format.
    """
    mean = run.success.mean(axis=2, keepdims=True)
    curves = np.moveaxis(np.concatenate([mean, run.success], axis=2), 2, 0)  # [1 + N, S, T]
    titles = [f"mean of {len(run.tasks)} tasks", *(task.removesuffix("-v3") for task in run.tasks)]
    with style.fonts():
        figure, axes = panels.panels(len(titles), 4, 1.8, 1.5)
        unit = panels.scale_steps(figure, axes, run.steps[-1])
        steps = run.steps / unit
        for panel, name, success in zip(axes, titles, curves, strict=True):
            panel.set_title(name, fontsize=7.5, fontweight="bold" if panel is axes[0] else "normal")
            size = 2.5 if len(steps) > 100 else 5
            points = {"marker": ".", "markersize": size, "markeredgewidth": 0, "alpha": 0.6, "linestyle": ""}
            panel.plot(steps, 100 * success.mean(axis=0), color=style.SKY, clip_on=False, **points)
            panels.curve(panel, steps, success, {"color": COLOUR, "linewidth": 1.4})
        figure.suptitle(_title(run), fontsize=8.5)
        figure.savefig(path, dpi=200, bbox_inches="tight")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
