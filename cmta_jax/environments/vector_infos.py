"""The `infos` of a vector environment, in gymnasium's form: arrays [L], each with a mask `_key` [L] bool."""

import time
from typing import Any

import numpy as np

from cmta_jax.environments.sizes import INFO_KEYS

_MASK_KEYS = tuple(f"_{key}" for key in INFO_KEYS)


class EpisodeStatistics:
    """Return, length and duration of each lane's episode, as metaworld's RecordEpisodeStatistics gives them.

    Meta-World's rewards are Python numbers, float32 or float64, and their sum follows numpy's rules: a Python number
    adapts to float32, and float32 to float64. The sums here are rounded in the same way.

    Attributes:
        returns: [L] float64, sum of rewards so far.
        lengths: [L] int64, steps so far.
    """

    def __init__(self, num_lanes: int):
        self.returns = np.zeros(num_lanes)
        self.lengths = np.zeros(num_lanes, np.int64)
        self._kinds = np.zeros(num_lanes, np.int8)  # of the sums: 0 Python number, 1 float32, 2 float64
        self._began = np.full(num_lanes, time.perf_counter())

    def begin(self, lanes: np.ndarray) -> None:
        """An episode begins in `lanes` [L] bool."""
        self.returns[lanes], self.lengths[lanes], self._kinds[lanes] = 0.0, 0, 0
        self._began[lanes] = time.perf_counter()

    def step(self, reward: np.ndarray, kinds: np.ndarray, lanes: np.ndarray) -> None:
        """Adds a step with `reward` [L] float64 of `kinds` [L] int8 in `lanes` [L] bool."""
        np.maximum(self._kinds, kinds, out=self._kinds, where=lanes)
        sums = self.returns + reward
        single = self._kinds == 1
        sums[single] = self.returns[single].astype(np.float32) + reward[single].astype(np.float32)
        self.returns[lanes] = sums[lanes]
        self.lengths[lanes] += 1

    def infos(self, lanes: np.ndarray) -> dict[str, np.ndarray]:
        """The entry `episode` for `lanes` [L] bool, at least one; zeros in the others.

        Gymnasium gives all returns the type of the first one, so metaworld's are rounded to float32 if that is one.
        """
        durations = np.round(time.perf_counter() - self._began, 6)
        real = np.float32 if self._kinds[np.flatnonzero(lanes)[0]] == 1 else np.float64
        return masked({"r": self.returns.astype(real), "l": self.lengths, "t": durations}, lanes)


def masked(values: dict[str, np.ndarray], lanes: np.ndarray) -> dict[str, np.ndarray]:
    """Each array [L], zero outside `lanes` [L] bool, and that mask under `_key`; empty without lanes."""
    if not lanes.any():
        return {}
    result: dict[str, np.ndarray] = {}
    for key, value in values.items():
        result[key], result[f"_{key}"] = np.where(lanes, value, np.zeros_like(value)), lanes.copy()
    return result


def masked_numbers(numbers: np.ndarray, lanes: np.ndarray) -> dict[str, np.ndarray]:
    """`masked` for Meta-World's `info` [L, 7] float64, in the order of `INFO_KEYS`, with one copy for all keys."""
    if not lanes.any():
        return {}
    columns, masks = np.where(lanes, numbers.T, 0.0), np.empty(numbers.T.shape, bool)
    masks[:] = lanes
    result: dict[str, np.ndarray] = {}
    for key, column, mask_key, mask in zip(INFO_KEYS, columns, _MASK_KEYS, masks, strict=True):
        result[key], result[mask_key] = column, mask
    return result


def step_infos(
    numbers: np.ndarray,
    stepped: np.ndarray,
    ended: np.ndarray,
    statistics: EpisodeStatistics,
    final: np.ndarray | None,
) -> dict[str, Any]:
    """The infos of a step.

    Args:
        numbers: Meta-World's `info` [L, 7] float64, in the order of `INFO_KEYS`.
        stepped: [L] bool, the lanes that were stepped.
        ended: [L] bool, those of them whose episode ended.
        statistics: of the episodes.
        final: the observations [L, D] of the step, if ended lanes were reset at once: their info is then under
            `final_info`. None: it is beside the others', or no episode ended.
    """
    infos: dict[str, Any] = masked_numbers(numbers, stepped if final is None else stepped & ~ended)
    if ended.any():
        last = infos if final is None else masked_numbers(numbers, ended)
        with_entry(last, "episode", statistics.infos(ended), ended)
        if final is not None:
            with_entry(infos, "final_obs", final_observations(final, ended), ended)
            with_entry(infos, "final_info", last, ended)
    return infos


def with_entry(infos: dict[str, Any], key: str, value: Any, lanes: np.ndarray) -> None:
    """Adds an entry that is not an array of numbers, with its mask `lanes` [L] bool."""
    infos[key], infos[f"_{key}"] = value, lanes.copy()


def final_observations(observation: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """Object array [L] with the last observation of an episode in `lanes` [L] bool, else None."""
    final = np.full(len(lanes), None, dtype=object)
    for lane in np.flatnonzero(lanes):
        final[lane] = observation[lane].copy()
    return final
