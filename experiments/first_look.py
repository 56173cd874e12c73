"""What a run shows at its end: a table on the terminal and success.png."""

import pathlib

import numpy as np
from matplotlib.figure import Figure

from cmta_jax.results import statistics
from cmta_jax.results.reading import Run


def summary(run: Run) -> str:
    """Success per task, in the last evaluation and over the final goal sets, and the paper's two figures."""
    width = max(len(task) for task in (*run.tasks, "mean over tasks"))
    final = run.final.mean(axis=0) if run.goal_sets else np.full(len(run.tasks), np.nan)
    last = run.success[:, -1].mean(axis=0)
    lines = [f"{'success':{width}}  last evaluation  final policy on {run.goal_sets} goal set(s)"]
    for name, *values in zip(run.tasks, last, final, strict=True):
        lines.append(f"{name:{width}}  {values[0]:15.2f}  {values[1]:12.2f}")
    lines.append(f"{'mean over tasks':{width}}  {last.mean():15.2f}  {final.mean():12.2f}")
    best, smoothed = statistics.max_raw(run.success), statistics.max_smoothed(run.success)
    lines.append(f"The paper's figures: maximum of the smoothed mean success {smoothed:.1%}, of the raw one {best:.1%}.")
    return "\n".join(lines)


def draw(run: Run, path: str | pathlib.Path) -> None:
    """Draws success over steps: thin lines for tasks, the mean raw and smoothed."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for index, task in enumerate(run.tasks):
        curve = statistics.smooth(run.success[:, :, index].mean(axis=0))
        axes.plot(run.steps, curve, linewidth=0.8, alpha=0.6, label=task if len(run.tasks) <= 10 else None)
    mean = statistics.mean_curve(run.success)
    axes.plot(run.steps, mean, ".", color="grey", markersize=4, label="mean, raw")
    axes.plot(run.steps, statistics.smooth(mean), color="black", linewidth=2, label="mean, smoothed")
    axes.set(xlabel="environment steps per task", ylabel="success rate", ylim=(-0.02, 1.02))
    axes.set_title(f"{run.flags.text('method')}, {len(run.tasks)} tasks, {len(run.seeds)} seed(s); tasks smoothed", fontsize=9)
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=150)
