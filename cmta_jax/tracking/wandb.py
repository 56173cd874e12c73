"""Weights & Biases: the same numbers under the same names as in TensorBoard."""

import importlib.util
import logging
import os
import pathlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cmta_jax.storage import atomic
from cmta_jax.tracking import metric_names
from cmta_jax.tracking.listeners import Listener

log = logging.getLogger(__name__)
IDENTITY = "wandb_id"  # the file in a run folder that keeps the id of its run there


def check_installed() -> None:
    """Raises ValueError unless the package is there."""
    if importlib.util.find_spec("wandb") is None:
        raise ValueError("--wandb needs the package of Weights & Biases: pip install wandb.")


class WandbWriter(Listener):
    """One run of Weights & Biases for a run folder; with several seeds names begin with `seed_<number>/`.

    `WANDB_MODE=offline` keeps everything in the folder, for `wandb sync` later. `WANDB_PROJECT`, `WANDB_NAME` and
    `WANDB_RUN_ID` replace `cmta_jax`, the folder's name and the id in the folder. Whatever goes wrong there (no key,
    no server) is one warning, and this writer then does nothing more.

    Args:
        folder: of the run; a resumed run in it is the same run there.
        seeds: their numbers, [S].
        tasks: their names, [N].
        config: the flags of the run.
    """

    def __init__(self, folder: str | pathlib.Path, seeds: Sequence[int], tasks: Sequence[str], config: Mapping):
        self._tasks = tuple(tasks)
        self._prefixes = [f"seed_{seed}/" for seed in seeds] if len(seeds) > 1 else [""]
        self._run: Any = None
        self._failed = False
        self._try(lambda: self._start(pathlib.Path(folder).resolve(), config))

    def _start(self, folder: pathlib.Path, config: Mapping) -> None:
        import wandb  # pyright: ignore[reportMissingImports]

        self._run = wandb.init(  # pyright: ignore[reportAttributeAccessIssue]: an extra, perhaps not installed
            project=os.environ.get("WANDB_PROJECT", "cmta_jax"),
            name=os.environ.get("WANDB_NAME", folder.name),
            dir=folder,
            id=_identity(folder),
            resume="allow",
            config=dict(config),
        )
        self._run.define_metric("*", step_metric="step")  # a resumed run goes back a little, which wandb's own refuses

    def metrics(self, step, values):
        self._log(step, metric_names.grouped(values))

    def evaluation(self, step, success, episode_return):
        self._log(step, {"success": success, "episode_return": episode_return})

    def close(self):
        self._try(lambda: self._run.finish())

    def _log(self, step, values):
        row = {"step": step}
        for seed, prefix in enumerate(self._prefixes):
            row |= {f"{prefix}{name}": value for name, value in metric_names.scalars(values, seed, self._tasks).items()}
        self._try(lambda: self._run.log(row))

    def _try(self, action: Callable[[], object]) -> None:
        """Calls `action` until one has failed, because what watches a run must not end it."""
        if self._failed:
            return
        try:
            action()
        except Exception as error:
            self._failed = True
            log.warning(
                "Weights & Biases cannot be used (%s): training goes on without it; --resume with --wandb tries again.",
                " ".join(str(error).split()) or type(error).__name__,
            )


def _identity(folder: pathlib.Path) -> str:
    """`WANDB_RUN_ID`, or the id of this folder, which is drawn once and moves with it."""
    path, named = folder / IDENTITY, os.environ.get("WANDB_RUN_ID")
    kept = path.read_text().strip() if path.exists() else ""
    identity = named or kept or secrets.token_hex(4)
    if identity != kept:
        atomic.replace(path, f"{identity}\n".encode())
    return identity
