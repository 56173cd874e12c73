"""The paper's Figures 3, 4 and 6 from groups of runs."""

import pathlib
from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from cmta_jax.results.grouping import Group
from experiments.reporting import cells, panels, style
from experiments.reporting.tables import SHOWN, Groups

CAPTION = (
    "Curves: mean over seeds (and, but for Figure 6, tasks) of the success rate in evaluations, smoothed with factor "
    "0.8; shaded: standard deviation over seeds."
)
TEMPORAL = ("CMTA", "CMTA w/o TI")
EXPERTS = {name for name, _ in SHOWN if name.endswith(" experts")}


def training_curves(groups: Groups) -> Figure:
    """Figure 3: mean success against steps, one panel per benchmark, one curve per method."""
    width, height = 3.6, 2.3
    figure, axes = panels.panels(len(groups), 2, width, height)
    unit = panels.scale_steps(figure, axes, _last_step(groups))
    styles = style.line_styles(style.in_order(name for row in groups.values() for name in row))
    for (cell, row), panel in zip(groups.items(), axes, strict=True):
        panel.set_title(cells.title(cell))
        ends = {}
        for name, group in row.items():
            steps = group.steps / unit
            ends[name] = (steps[-1], panels.curve(panel, steps, group.success.mean(axis=2), styles[name]))
        panels.label_ends(panel, ends, styles, height - 0.5)
    return figure


def task_curves(row: Mapping[str, Group]) -> Figure:
    """Figure 6: success against steps, one panel per task, one curve per method, of one benchmark."""
    tasks = next(iter(row.values())).tasks
    figure, axes = panels.panels(len(tasks), 5, 1.45, 1.35)
    unit = panels.scale_steps(figure, axes, max(group.steps[-1] for group in row.values()))
    row = {name: row[name] for name in style.in_order(row)}
    styles = style.line_styles(list(row))
    for index, (task, panel) in enumerate(zip(tasks, axes, strict=True)):
        panel.set_title(task.removesuffix("-v3"), fontsize=7.5)
        for name, group in row.items():
            panels.curve(panel, group.steps / unit, group.success[:, :, index], styles[name])
    handles = axes[0].get_lines()
    figure.legend(
        handles, list(row), loc="outside upper center", ncols=min(len(row), 4), frameon=False, handlelength=3.5
    )
    return figure


def lay_out(figure: Figure) -> None:
    """Fixes all positions, so that saving the figure twice computes them once."""
    for _ in range(2):  # labels beside a panel move with its width, which the first pass sets
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def save(figure: Figure, path: pathlib.Path) -> None:
    """Saves a figure as `path`.png and `path`.pdf; the same runs give the same bytes."""
    lay_out(figure)
    figure.savefig(f"{path}.png", bbox_inches="tight")
    figure.savefig(f"{path}.pdf", bbox_inches="tight", metadata={"CreationDate": None})


def all_figures(groups: Groups) -> dict[str, Figure]:
    """Every figure that has a curve, by file name without ending."""
    curves = _keep(groups, lambda name: name not in EXPERTS)
    temporal = {cell: row for cell, row in _keep(groups, lambda name: name in TEMPORAL).items() if len(row) == 2}
    named = {"figure_3": training_curves(curves)} if curves else {}
    named |= {"figure_4": training_curves(temporal)} if temporal else {}
    return named | {f"figure_6_{cells.file_name(cell)}": task_curves(row) for cell, row in curves.items()}


def _keep(groups: Groups, wanted: Callable[[str], bool]) -> Groups:
    kept = {cell: {name: group for name, group in row.items() if wanted(name)} for cell, row in groups.items()}
    return {cell: row for cell, row in kept.items() if row}


def _last_step(groups: Groups) -> int:
    return max(group.steps[-1] for row in groups.values() for group in row.values())
