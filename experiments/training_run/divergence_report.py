"""Reports numerical trouble: files in `trouble/step-<number>/` of the run folder, and one sentence.

`trouble.json` says what was wrong, for which seed and task; `seed-<number>.safetensors` holds the batch of that update,
`lanes.safetensors` what the simulators and the policy exchanged in the step that stopped the run.
"""

import json
import logging
from collections.abc import Sequence
from typing import Any, Protocol

import jax
import numpy as np

from cmta_jax.checkpoint import arrays, trees
from cmta_jax.storage.run_folder import RunFolder
from cmta_jax.training.divergence import GUARDED, NotFinite, Told

log = logging.getLogger(__name__)


class NumericalTrouble(RuntimeError):
    """A number is NaN or infinite, or the critic loss is above its limit; the message is one sentence for the user."""


class Tell(Protocol):
    """What there is to say of the divergence of all seeds, leaves `[S, ...]`."""

    def __call__(self) -> Told: ...


def check(
    divergence: Any, folder: RunFolder, seeds: Sequence[int], tasks: Sequence[str], limit: float, tell: Tell
) -> None:
    """Raises NumericalTrouble, after writing about it, if an update went wrong; fetches one number if none did.

    Args:
        divergence: leaves `[S, ...]` on the device, or `()`.
        limit: of the critic losses; 0 for none.
        tell: called if there was an update.
    """
    if not divergence:
        return
    told = tell()
    steps = np.asarray(told.step)
    if (steps < 0).all():
        return
    held = jax.device_get(told)
    found = [_update(_of_seed(held, i), seed, tasks, limit) for i, seed in enumerate(seeds) if steps[i] >= 0]
    first = min(found, key=lambda one: one["step"])
    batches = {f"seed-{seed}": _of_seed(held, i).batch for i, seed in enumerate(seeds) if steps[i] >= 0}
    where = _write(folder, first["step"], {"updates": found}, batches)
    raise NumericalTrouble(_sentence(first, limit, where))


def explain(
    error: NotFinite, folder: RunFolder, seeds: Sequence[int], tasks: Sequence[str], limit: float, tell: Tell
) -> None:
    """Raises NumericalTrouble for a step that could not be taken: for the update that led there, if one did."""
    check(error.divergence, folder, seeds, tasks, limit, tell)
    wrong = {}
    for name, values in trees.named(error.lanes).items():
        places = np.argwhere(~np.isfinite(values).all(axis=tuple(range(3, values.ndim))))  # [.., (s, n, c)]
        if len(places):
            wrong[name] = [{"seed": seeds[s], "task": tasks[n], "copy": int(c)} for s, n, c in places]
    where = _write(folder, error.step, {"step": error.step, "lanes": wrong}, {"lanes": error.lanes})
    name, (first, *_) = next(iter(wrong.items()))
    found = {"step": error.step, "seed": first["seed"], "tasks": [first["task"]], "what": [name]}
    raise NumericalTrouble(_sentence(found, limit, where))


def _of_seed(told: Told, index: int) -> Told:
    return jax.tree.map(lambda leaf: leaf[index], told)


def _update(told: Told, seed: int, tasks: Sequence[str], limit: float) -> dict[str, Any]:
    """What was wrong with one seed's update, in words and numbers."""
    values = told.metrics | {f"parameters {name}": norm for name, norm in told.norms.items()}
    beyond = {
        name: value for name, value in told.metrics.items()
        if name.endswith(GUARDED) and limit and np.isfinite(value).all() and (value > limit).any()
    }  # fmt: skip
    what = {name: value for name, value in told.metrics.items() if not np.isfinite(value).all()} | beyond
    if not what:  # else the parameters of now only followed
        what = {name: value for name, value in values.items() if not np.isfinite(value).all()}
    return {
        "step": int(told.step), "seed": seed, "tasks": _tasks(told, tasks, bool(beyond)),
        "what": {name: _json(value) for name, value in what.items()}, "beyond the limit": sorted(beyond),
        "metrics": {name: _json(value) for name, value in values.items()},
    }  # fmt: skip


def _tasks(told: Told, tasks: Sequence[str], beyond: bool) -> list[str]:
    """The tasks to name: those whose part of the batch is not finite, or else whose metrics are not.

    Where a loss is `beyond` its limit, it is the task with the largest value of Q. If all tasks are concerned, none is
    named.
    """
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(told.batch)]
    rows = [leaf.reshape(len(tasks), -1) for leaf in leaves if np.issubdtype(leaf.dtype, np.floating)]
    wrong: Any = np.stack([~np.isfinite(row).all(axis=1) for row in rows]).any(axis=0)  # [N] bool
    of_tasks = [value for value in told.metrics.values() if value.shape == (len(tasks),)]
    if not wrong.any() and of_tasks:
        wrong = np.stack([~np.isfinite(value) for value in of_tasks]).any(axis=0)
    if not wrong.any() and beyond and "q_mean" in told.metrics:
        wrong = np.arange(len(tasks)) == np.argmax(np.abs(told.metrics["q_mean"]))
    return [] if wrong.all() else [task for task, bad in zip(tasks, wrong, strict=True) if bad]


def _sentence(found: dict[str, Any], limit: float, where: str) -> str:
    beyond = {name: f"{name} is above --max_critic_loss={limit:g}" for name in found.get("beyond the limit", ())}
    what = [beyond.get(name, f"{name} is not finite") for name in found["what"]]
    return (
        f"Numerical trouble in step {found['step']}, seed {found['seed']}, {', '.join(found['tasks']) or 'all tasks'}: "
        f"{', '.join(what)}; {where}, and the newest checkpoint is from before it."
    )


def _write(folder: RunFolder, step: int, page: dict, trees_by_name: dict[str, Any]) -> str:
    """Writes the page and the arrays; says where, or why not."""
    place = folder.file("trouble") / f"step-{step:09d}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / "trouble.json").write_text(json.dumps(page, indent=1, allow_nan=False) + "\n")
        for name, tree in trees_by_name.items():
            leaves = {name: np.asarray(leaf) for name, leaf in trees.named(tree).items()}
            arrays.write(place / f"{name}.safetensors", arrays.kinds_of(leaves), leaves.values())
    except OSError as error:
        log.warning("%s cannot be written (%s)", place, error.strerror)
        return f"its numbers could not be written to {place} ({error.strerror})"
    return f"its numbers are in {place}"


def _json(value: Any) -> Any:
    """Numbers as JSON knows them; NaN and infinity as text."""
    if value.ndim:
        return [_json(part) for part in value]
    return float(value) if np.isfinite(value) else str(value)
