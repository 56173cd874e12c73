"""The numbers of a table: the paper's smoothed maximum, and interquartile means and intervals beside it."""

from collections.abc import Callable
from typing import Any

import numpy as np

SMOOTHING = 0.8
SOLVED = 0.8  # success from which a task counts as solved
LAST = 5  # evaluations whose mean says how a run ended


def smooth(points: np.ndarray, factor: float = SMOOTHING) -> np.ndarray:
    """Exponential smoothing of the paper's Appendix C: `s_0 = p_0`, `s_i = factor s_{i-1} + (1 - factor) p_i`.

    Args:
        points: one curve or several, time first, `[T, ...]`.
        factor: weight of the past.

    Returns:
        The smoothed curves, `[T, ...]`.
    """
    smoothed = np.array(points, float)
    for index in range(1, len(smoothed)):
        smoothed[index] = smoothed[index - 1] * factor + smoothed[index] * (1 - factor)
    return smoothed


def mean_curve(success: np.ndarray) -> np.ndarray:
    """Mean success over seeds and tasks at each evaluation, `[S, T, N] -> [T]`: the points of Appendix C."""
    return success.mean(axis=(0, 2))


def max_smoothed(success: np.ndarray) -> float:
    """The paper's first figure: maximum over time of the smoothed mean success `[S, T, N]` (optimistic)."""
    return float(smooth(mean_curve(success)).max())


def max_raw(success: np.ndarray) -> float:
    """The paper's second figure: maximum over time of the mean success `[S, T, N]` (more optimistic still)."""
    return float(mean_curve(success).max())


def last_mean(success: np.ndarray) -> np.ndarray:
    """Mean success over tasks and the last five evaluations, per seed: `[S, T, N] -> [S]`."""
    return success[:, -LAST:].mean(axis=(1, 2))


def steps_to_solve(steps: np.ndarray, success: np.ndarray) -> np.ndarray:
    """Steps until the mean success over tasks is first 0.8 or more, per seed; NaN where it never is.

    Args:
        steps: of each evaluation, `[T]`.
        success: `[S, T, N]`.

    Returns:
        `[S]`.
    """
    solved = success.mean(axis=2) >= SOLVED - 1e-9  # [S, T]
    return np.where(solved.any(axis=1), np.asarray(steps, float)[solved.argmax(axis=1)], np.nan)


def retention(success: np.ndarray) -> float:
    """What stays of what was learnt: mean success after a task first reached 0.8, over all such seeds and tasks.

    Every pair of seed and task counts once, whenever it reached 0.8. The evaluation that reached it does not count.

    Args:
        success: `[S, T, N]`.

    Returns:
        A share; NaN if nothing reached 0.8 before the last evaluation.
    """
    curves = success.transpose(0, 2, 1).reshape(-1, success.shape[1])  # [S * N, T]
    solved = curves >= SOLVED - 1e-9
    later = [curve[own.argmax() + 1 :] for curve, own in zip(curves, solved, strict=True) if own[:-1].any()]
    return float(np.mean([curve.mean() for curve in later])) if later else float("nan")


def paired_difference(first: np.ndarray, second: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of `first - second` over pairs, and the interval of Student's paired t.

    Args:
        first, second: `[S]`, a number for each seed, the same seeds in the same order.
        level: probability that the interval is meant to cover.

    Returns:
        `(mean, low, high)`; the bounds are NaN with fewer than two pairs.
    """
    from scipy.stats import t  # see interquartile_mean

    differences = np.asarray(first, float) - np.asarray(second, float)
    mean, pairs = float(differences.mean()), len(differences)
    if pairs < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf((1 + level) / 2, pairs - 1) * differences.std(ddof=1) / np.sqrt(pairs))
    return mean, mean - half, mean + half


def interquartile_mean(scores: np.ndarray, axis: Any = None) -> np.ndarray:
    """Mean of the middle half of the scores (Agarwal et al., NeurIPS 2021), over all axes or one."""
    from scipy.stats import trim_mean  # takes most of a second to import, which runs would wait for

    return trim_mean(scores, 0.25, axis=axis)


def bootstrap_interval(
    scores: np.ndarray, statistic: Callable[..., np.ndarray] = interquartile_mean, level: float = 0.95, *,
    resamples: int = 2000, seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """Percentile interval of a statistic over seeds and tasks, resampling seeds within tasks (Agarwal et al., 2021).

    Args:
        scores: `[S, N]`, one score per seed and task.
        statistic: takes `(scores, axis=...)` and reduces that axis.
        level: probability that the interval is meant to cover.
        resamples: how many data sets are drawn.
        seed: of the draws, so that a report repeats exactly.

    Returns:
        `(low, high)`; both NaN with fewer than two seeds, because one seed does not show the spread over seeds.
    """
    num_seeds, num_tasks = scores.shape
    if num_seeds < 2:
        return float("nan"), float("nan")
    chosen = np.random.default_rng(seed).integers(num_seeds, size=(resamples, num_seeds, num_tasks))
    samples = scores[chosen, np.arange(num_tasks)].reshape(resamples, -1)  # [resamples, S * N]
    low, high = np.quantile(statistic(samples, axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a success probability (Wilson, 1927), which is sensible at 0 and 1, too.

    Args:
        successes: how many of the trials succeeded.
        trials: how many there were, at least one.
        level: probability that the interval is meant to cover.

    Raises:
        ValueError: there are no trials, or more successes than trials.
    """
    from scipy.stats import binomtest  # see interquartile_mean

    interval = binomtest(successes, trials).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)
