"""Policies to share, kept up to date during a run: `policy.safetensors` and `policy_best.safetensors`."""

import concurrent.futures
import logging
import pathlib
from typing import Any

import jax
import numpy as np

from cmta_jax.checkpoint import save_policy
from cmta_jax.types import Params

log = logging.getLogger(__name__)
NEWEST, BEST = "policy.safetensors", "policy_best.safetensors"


class PolicyFiles:
    """Writes policies on another thread; a disk that refuses one is a warning.

    Args:
        folder: the files go there.
        metadata: stored in them with the step and the success.
    """

    def __init__(self, folder: pathlib.Path, metadata: dict[str, Any]):
        self._folder, self._metadata = folder, metadata
        self._writer = concurrent.futures.ThreadPoolExecutor(1, "policy")
        self._pending: dict[str, concurrent.futures.Future] = {}

    def write(self, name: str, params: Params, step: int, smoothed: float | None) -> None:
        """Starts writing; `params` may be donated as soon as this returns."""
        if name in self._pending:
            self._pending.pop(name).result()  # at most one of each waits, however slow the disk
        copies = jax.tree.map(np.array, jax.device_get(params))
        metadata = self._metadata | {"step": step, "smoothed_success": smoothed}
        self._pending[name] = self._writer.submit(self._write, name, copies, metadata)

    def close(self) -> None:
        """Waits for the files that are being written."""
        self._writer.shutdown()
        for written in self._pending.values():
            written.result()

    def _write(self, name: str, params: Params, metadata: dict[str, Any]) -> None:
        try:
            save_policy(self._folder / name, params, metadata)
        except OSError as error:
            log.warning("%s cannot be written (%s); training goes on", self._folder / name, error.strerror)
