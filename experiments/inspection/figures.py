"""The figures: experts and attention in the plane, attention over time beside frames, similarity of experts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.inspection import encodings
from experiments.reporting import style

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.VERMILION, style.SKY, style.PURPLE, style.BLACK)
MARKERS = "o^sDvP*X"  # seven colours and eight markers give 56 looks, enough for MT50


def looks(count: int) -> list[dict[str, Any]]:
    """Keyword arguments of `scatter`, no two alike up to 56."""
    return [{"color": COLOURS[i % 7], "marker": MARKERS[i % 8]} for i in range(count)]


def experts_in_the_plane(runs: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """The paper's Figure 5: t-SNE of the experts' encodings along episodes, a panel per run.

    Args:
        runs: title and encodings `[T, N, K, F]` of each.

    Raises:
        encodings.NothingToDraw: see `encodings.projected`.
    """
    figure, axes = _row(len(runs))
    figure.suptitle("t-SNE of the experts' encodings", fontsize=9)
    for panel, (title, experts) in zip(axes, runs, strict=True):
        points, owner = encodings.of_experts(experts)
        names = [f"expert {expert + 1}" for expert in range(experts.shape[2])]
        _cloud(panel, title, encodings.projected(points), owner, names)
    return figure


def attention_in_the_plane(runs: Sequence[tuple[str, np.ndarray]], tasks: Sequence[str], encoder: str) -> Figure:
    """The paper's Figure 7: t-SNE of the attention weights along episodes, coloured by task, a panel per run.

    Args:
        runs: title and weights `[T, N, K]` of each.
        tasks: N names.
        encoder: whose attention it is, for the title.

    Raises:
        encodings.NothingToDraw: one expert only (its weight is always 1), or see `encodings.projected`.
    """
    if any(attention.shape[2] < 2 for _, attention in runs):
        raise encodings.NothingToDraw("a single expert always has the weight 1")
    figure, axes = _row(len(runs))
    figure.suptitle(f"t-SNE of the attention weights of the {encoder}", fontsize=9)
    for panel, (title, attention) in zip(axes, runs, strict=True):
        points, owner = encodings.of_attention(attention)
        _cloud(panel, title, encodings.projected(points), owner, [task.removesuffix("-v3") for task in tasks])
    return figure


def similarities(runs: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Mean cosine similarity of the experts' encodings `[T, N, K, F]`, a matrix per run."""
    figure, axes = _row(len(runs))
    image = None
    for panel, (title, experts) in zip(axes, runs, strict=True):
        matrix = encodings.similarity(experts)
        image = panel.imshow(matrix, cmap="PuOr", vmin=-1, vmax=1)
        labels = [str(expert + 1) for expert in range(len(matrix))]
        panel.set(title=title, xlabel="expert", ylabel="expert")
        panel.set_xticks(range(len(matrix)), labels)
        panel.set_yticks(range(len(matrix)), labels)
        panel.grid(False)
        for (row, column), value in np.ndenumerate(matrix) if len(matrix) <= 12 else ():
            colour = "white" if abs(value) > 0.6 else "black"
            panel.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6, color=colour)
    assert image is not None, "no runs"
    figure.colorbar(image, ax=axes, label="cosine similarity", shrink=0.8)
    return figure


def attention_over_time(heading: str, attention: np.ndarray, frames: Sequence[tuple[int, np.ndarray]]) -> Figure:
    """One episode: frames above, the attention weights `[T, K]` over its steps below.

    Args:
        heading: above the figure.
        attention: weights `[T, K]`.
        frames: (step, picture `[H, W, 3]`) of each.

    Raises:
        encodings.NothingToDraw: the episode has one step only.
    """
    if len(attention) < 2:
        raise encodings.NothingToDraw("an episode of one step has no course over time")
    figure = Figure(figsize=(6.5, 3.4), layout="constrained")
    grid = figure.add_gridspec(2, len(frames), height_ratios=(1, 1.3))
    for place, (step, picture) in enumerate(frames):
        panel = figure.add_subplot(grid[0, place])
        panel.imshow(picture)
        panel.set_title(f"step {step}", fontsize=7)
        panel.axis("off")
    panel, (horizon, experts) = figure.add_subplot(grid[1, :]), attention.shape
    shades = [COLOURS[i % 7] for i in range(experts)]
    hatches = [("", "///", "...")[i // 7 % 3] for i in range(experts)]
    names = [f"expert {expert + 1}" for expert in range(experts)]
    panel.stackplot(range(1, horizon + 1), attention.T, colors=shades, hatch=hatches, labels=names, linewidth=0)
    panel.set(xlim=(1, horizon), ylim=(0, 1), xlabel="step of the episode", ylabel="attention")
    for step, _ in frames:
        panel.axvline(max(step, 1), color="white", linewidth=0.8)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.suptitle(heading, fontsize=9)
    return figure


def _row(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(3.3 * count + 0.4, 3.4), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, count)).tolist()


def _cloud(panel: Axes, title: str, points: np.ndarray, owner: np.ndarray, names: Sequence[str]) -> None:
    for index, (name, look) in enumerate(zip(names, looks(len(names)), strict=True)):
        panel.scatter(*points[owner == index].T, s=7, linewidths=0, alpha=0.8, label=name, **look)
    panel.set(title=title, xticks=[], yticks=[])
    panel.spines[:].set_visible(True)  # a frame: its axes mean nothing
    columns = 3 if len(names) > 12 else 2
    box = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.02), "ncols": columns, "frameon": False}
    panel.legend(fontsize=4.5 if len(names) > 12 else 6.5, markerscale=1.6, handletextpad=0.2, **box)
