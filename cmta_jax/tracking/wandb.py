"""Weights & Biases: the same numbers under the same names as in TensorBoard."""

import importlib.util
import pathlib
import zlib
from collections.abc import Mapping, Sequence

from cmta_jax.tracking import metric_names
from cmta_jax.tracking.listeners import Listener


def check_installed() -> None:
    """Raises ValueError unless the package is there."""
    if importlib.util.find_spec("wandb") is None:
        raise ValueError("--wandb needs the package of Weights & Biases: pip install '.[wandb]'.")


class WandbWriter(Listener):
    """One run of Weights & Biases for a run folder; with several seeds names begin with `seed_<number>/`.

    `WANDB_MODE=offline` keeps everything in the folder, for `wandb sync` later.

    Args:
        folder: of the run; a resumed run in it is the same run there.
        seeds: their numbers, [S].
        tasks: their names, [N].
        config: the flags of the run.
    """

    def __init__(self, folder: str | pathlib.Path, seeds: Sequence[int], tasks: Sequence[str], config: Mapping):
        import wandb  # pyright: ignore[reportMissingImports]

        folder = pathlib.Path(folder).resolve()
        identity = f"{zlib.crc32(str(folder).encode()):08x}"
        self._run = wandb.init(  # pyright: ignore[reportAttributeAccessIssue]: an extra, perhaps not installed
            project="cmta_jax", name=folder.name, dir=folder, id=identity, resume="allow", config=dict(config)
        )
        self._run.define_metric("*", step_metric="step")  # a resumed run goes back a little, which wandb's own refuses
        self._tasks = tuple(tasks)
        self._prefixes = [f"seed_{seed}/" for seed in seeds] if len(seeds) > 1 else [""]

    def metrics(self, step, values):
        self._log(step, metric_names.grouped(values))

    def evaluation(self, step, success, episode_return):
        self._log(step, {"success": success, "episode_return": episode_return})

    def close(self):
        self._run.finish()

    def _log(self, step, values):
        row = {"step": step}
        for seed, prefix in enumerate(self._prefixes):
            row |= {f"{prefix}{name}": value for name, value in metric_names.scalars(values, seed, self._tasks).items()}
        self._run.log(row)
