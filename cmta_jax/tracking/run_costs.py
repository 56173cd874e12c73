"""Speed and memory of a running run."""

import contextlib
import time
from collections.abc import Callable

import jax
import numpy as np
import psutil

from cmta_jax.tracking.listeners import Listener

GIB = 2**30


class WithCosts(Listener):
    """Calls a listener, and adds speed and memory to the metrics.

    Rates are of the wall time since the metrics before, evaluations and checkpoints included; the first metrics after
    the start have none, because that time is spent on compiling.

    Args:
        listener: is called with everything.
        seeds: how many (S).
        lanes: environment steps per iteration, over all tasks, copies and seeds.
        clock: in seconds.
        memory: name -> GiB, called for every row of metrics.
    """

    def __init__(
        self, listener: Listener, seeds: int, lanes: int, clock: Callable[[], float] = time.perf_counter,
        memory: Callable[[], dict[str, float]] | None = None,
    ):  # fmt: skip
        self._listener, self._seeds, self._lanes, self._clock = listener, seeds, lanes, clock
        self._memory, self._before = memory or memory_in_use, None

    def metrics(self, step, values):
        now, costs = self._clock(), self._memory()
        if self._before:
            rate = (step - self._before[0]) / max(now - self._before[1], 1e-9)
            costs |= {"iterations_per_second": rate, "environment_steps_per_second": rate * self._lanes}
        self._before = step, now
        self._listener.metrics(step, {**values, **{name: np.full(self._seeds, cost) for name, cost in costs.items()}})

    def evaluation(self, step, success, episode_return):
        self._listener.evaluation(step, success, episode_return)

    def sync(self):
        self._listener.sync()

    def close(self):
        self._listener.close()


def memory_in_use() -> dict[str, float]:
    """GiB resident in this process (without the simulators) and in use on the device, where they are reported."""
    found = {}
    with contextlib.suppress(OSError, psutil.Error):  # no /proc, as in some jails
        found["resident_memory_gib"] = psutil.Process().memory_info().rss / GIB
    device = jax.devices()[0].memory_stats() or {}
    if "bytes_in_use" in device:
        found["device_memory_gib"] = device["bytes_in_use"] / GIB
    return found
