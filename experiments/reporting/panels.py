"""Parts of every figure: panels of success against steps, curves with a band, labels at their ends."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.optimize
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmta_jax.results import statistics

MOST_POINTS = 150  # of a curve: more and a dashed line no longer looks dashed
UNITS = ((1_000_000, "millions"), (1_000, "thousands"))


def panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels of `width` x `height` inches that share both axes.

    Args:
        count: of the panels.
        columns: of the grid; the last row may be shorter.
        width: of a panel, inches.
        height: of a panel, inches.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * width + 0.3, rows * height + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[count:]:
        axes.remove()
    for above in grid.flat[max(count - columns, 0) : (rows - 1) * columns]:
        above.tick_params(labelbottom=True)  # no panel is below it
    figure.supylabel("success rate (%)", fontsize=8)
    return figure, list(grid.flat[:count])


def scale_steps(figure: Figure, axes: Sequence[Axes], last_step: int) -> int:
    """Labels the shared horizontal axis in a unit that fits `last_step`; returns the steps in one unit."""
    unit, word = next(((unit, word) for unit, word in UNITS if last_step >= unit), (1, ""))
    figure.supxlabel(f"environment steps per task{f' ({word})' if word else ''}", fontsize=8)
    axes[0].set(xlim=(0, last_step / unit), ylim=(-2, 102), yticks=range(0, 101, 20))
    return unit


def curve(axes: Axes, steps: np.ndarray, success: np.ndarray, style: Mapping) -> float:
    """Draws the smoothed mean over seeds and, with several, a band of their standard deviation (of the sample).

    Args:
        axes: the panel.
        steps: `[T]`, in the unit of the axis.
        success: `[S, T]`, shares.
        style: keyword arguments of `plot`.

    Returns:
        The height at which the curve ends, percent.
    """
    smoothed = 100 * statistics.smooth(success.T)  # [T, S]
    shown = np.unique(np.linspace(0, len(steps) - 1, MOST_POINTS).round().astype(int))
    smoothed, steps = smoothed[shown], steps[shown]
    mean = smoothed.mean(axis=1)
    axes.plot(steps, mean, **style)
    if len(success) > 1:
        spread = smoothed.std(axis=1, ddof=1)
        low, high = np.maximum(mean - spread, 0), np.minimum(mean + spread, 100)
        axes.fill_between(steps, low, high, color=style["color"], alpha=0.15, linewidth=0)
    return float(mean[-1])


def label_ends(
    axes: Axes, ends: Mapping[str, tuple[float, float]], styles: Mapping[str, Mapping], height: float
) -> None:
    """Writes each name beside the end of its curve, after a sample of its line, so that no two overlap.

    Args:
        axes: whose vertical axis spans about 0 to 100.
        ends: `(step, percent)` of each curve's end, the step in the unit of the axis.
        styles: keyword arguments of `plot`.
        height: of the panel in inches.
    """
    names = sorted(ends, key=lambda name: ends[name][1])
    texts = [textwrap.wrap(name, 25) for name in names]
    sizes = [100 / (72 * height) * (8.5 * len(lines) + 2) for lines in texts]  # a line takes 8.5 points
    heights = spread([ends[name][1] for name in names], sizes, 0, 100)
    beside = axes.get_yaxis_transform()  # horizontally a share of the panel, vertically data
    right = axes.get_xlim()[1]
    for name, lines, position in zip(names, texts, heights, strict=True):
        step, percent = ends[name]
        style = {"color": styles[name]["color"], "clip_on": False}
        axes.plot([step / right, 1.05], [percent, position], transform=beside, linewidth=0.5, **style)
        sample = {**styles[name], **style}
        axes.plot([1.05, 1.22], [position, position], transform=beside, **sample)
        axes.text(1.24, position, "\n".join(lines), transform=beside, va="center", fontsize=7, linespacing=1)


def spread(positions: Sequence[float], sizes: Sequence[float], low: float, high: float) -> np.ndarray:
    """Moves positions as little as possible (least squares) until labels of these sizes do not overlap.

    Args:
        positions: of the labels' centres, ascending.
        sizes: of the labels, in the same unit.
        low: smallest centre allowed.
        high: largest centre allowed, where there is room.
    """
    extents = np.asarray(sizes)
    offsets = np.concatenate([[0.0], np.cumsum(extents[1:] + extents[:-1]) / 2])
    nearest = scipy.optimize.isotonic_regression(np.asarray(positions) - offsets).x
    return np.clip(nearest, low, max(high - offsets[-1], low)) + offsets
