"""Names under which numbers appear on a page of TensorBoard or Weights & Biases: `group/metric` and `.../task`."""

from collections.abc import Mapping, Sequence

import numpy as np


def group_of(metric: str) -> str:
    """The section of the page that a metric belongs to."""
    if metric.endswith("loss"):
        return "loss"
    if "memory" in metric:
        return "memory"
    return "speed" if metric.endswith("per_second") else "learner"


def grouped(metrics: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Metrics under the names of their groups."""
    return {f"{group_of(name)}/{name}": value for name, value in metrics.items()}


def scalars(values: Mapping[str, np.ndarray], seed: int, tasks: Sequence[str]) -> dict[str, float]:
    """The numbers of one seed (a position) from values `[S]` and `[S, N]`; the latter also have a mean."""
    found = {}
    for name, value in values.items():
        if value.ndim == 1:
            found[name] = float(value[seed])
            continue
        found[f"{name}/mean"] = float(value[seed].mean())
        found |= {f"{name}/{task}": float(value[seed, i]) for i, task in enumerate(tasks)}
    return found
