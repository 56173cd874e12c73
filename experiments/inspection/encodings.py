"""From recorded episodes to the points and matrices of the figures."""

import numpy as np

MOST_POINTS = 3000  # of a t-SNE: more take minutes, and the dots cover each other


class NothingToDraw(ValueError):
    """The recorded episodes are too few, too short or too uniform for a figure, or its library is missing."""


def similarity(experts: np.ndarray) -> np.ndarray:
    """Mean cosine similarity of the experts' encodings `[..., K, F]`, as a matrix `[K, K]`."""
    unit = experts / np.maximum(np.linalg.norm(experts, axis=-1, keepdims=True), 1e-12)
    unit = unit.reshape(-1, *unit.shape[-2:])
    return np.einsum("pkf,plf->kl", unit, unit) / len(unit)


def spread_steps(horizon: int, points_per_step: int) -> np.ndarray:
    """Steps of an episode, evenly spread, so that no more than `MOST_POINTS` points are drawn."""
    count = max(1, min(horizon, MOST_POINTS // points_per_step))
    return np.linspace(0, horizon - 1, count).round().astype(int)


def of_experts(experts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encodings `[T, N, K, F]` as points `[P, F]`, and the expert of each `[P]`."""
    horizon, tasks, number, features = experts.shape
    chosen = experts[spread_steps(horizon, tasks * number)]
    return chosen.reshape(-1, features), np.tile(np.arange(number), len(chosen) * tasks)


def of_attention(attention: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[T, N, K]` as points `[P, K]`, and the task of each `[P]`."""
    horizon, tasks, number = attention.shape
    chosen = attention[spread_steps(horizon, tasks)]
    return chosen.reshape(-1, number), np.tile(np.arange(tasks), len(chosen))


def projected(points: np.ndarray) -> np.ndarray:
    """t-SNE of points `[P, F]` in the plane `[P, 2]`; the same points give the same picture.

    Raises:
        NothingToDraw: the points are fewer than two, or all equal, or of one number each; or scikit-learn is missing.
    """
    if points.shape[1] < 2:
        raise NothingToDraw("t-SNE needs points of two numbers or more, here they have one")
    if (points == points[0]).all():  # scikit-learn may end in a segmentation fault
        raise NothingToDraw(f"t-SNE needs points that differ, here is {len(points)} and all are equal")
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise NothingToDraw("t-SNE needs scikit-learn: pip install scikit-learn") from None
    perplexity = min(30.0, (len(points) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(points.astype(np.float64))
