"""What a checkpoint is made of, and how it goes to its files and comes back."""

import functools
import importlib.metadata
import json
import math
import pathlib
import platform
import types
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from cmta_jax.checkpoint import arrays, files, replay_files, state_files, trees
from cmta_jax.checkpoint.arrays import Kind
from cmta_jax.checkpoint.files import CheckpointError
from cmta_jax.checkpoint.manifest import Manifest
from cmta_jax.checkpoint.replay_files import Blocks, Saved
from cmta_jax.storage import atomic

# Packages that can change a result.
PACKAGES = "cmta_jax jax jaxlib flax optax numpy orbax-checkpoint metaworld mujoco gymnasium".split()


class Checkpoint(NamedTuple):
    """The whole state of a run at one moment."""

    step: int  # environment steps per task
    state: Any  # pytree of arrays: learner, normalisers, keys, carries, observations, ...
    replay: Any  # a Replay; leading axes [N, C] or [S, N, C]
    pool: dict[str, np.ndarray]  # the simulators' snapshot
    metadata: dict  # JSON: method, flags, ...; "versions" is added


class Copy(NamedTuple):
    """A checkpoint that the training loop can no longer change: on the host, except for some blocks of the replay."""

    step: int
    best: float | None
    metadata: dict
    state: dict[str, np.ndarray]
    rest: dict[str, np.ndarray]
    blocks: Blocks


def copy(checkpoint: Checkpoint, best: float | None, saved: Saved | None) -> Copy:
    """Copies the checkpoint, and of its replay what changed since `saved`."""
    replay = checkpoint.replay
    cursor, size, valid = (np.array(array) for array in jax.device_get((replay.cursor, replay.size, replay.valid)))
    rest = {"replay/cursor": cursor, "replay/size": size, "replay/valid": valid}
    rest |= {f"pool/{name}": np.array(array) for name, array in checkpoint.pool.items()}
    state = trees.host_copies(checkpoint.state)
    arrays.kinds_of(rest | state)  # raises for what cannot be saved, here and not on the writing thread
    metadata = json.loads(json.dumps({"versions": dict(versions()), **checkpoint.metadata}, allow_nan=False))
    best = None if best is None or math.isnan(best) else float(best)
    blocks = replay_files.copy_changed(replay, saved, checkpoint.step, cursor, size)
    return Copy(int(checkpoint.step), best, metadata, state, rest, blocks)


def write(folder: pathlib.Path, number: int, copy: Copy) -> Manifest:
    """Writes all files of a checkpoint durably and verifies them; writing the returned manifest completes it.

    Raises:
        CheckpointError: a file does not read back as it was written.
        OSError: the disk is full, or fails.
    """
    ring = replay_files.write(folder / f"replay-{number:06d}.safetensors", copy.blocks)
    rest = copy.rest | {"replay/valid": np.packbits(copy.rest["replay/valid"])}
    rest_file = arrays.write(folder / f"rest-{number:06d}.safetensors", arrays.kinds_of(rest), rest.values())
    state = state_files.write(folder, state_name(number), copy.state)
    atomic.sync_folder(folder)
    for file in {rest_file, *(block for block in ring.blocks if block and block not in copy.blocks.ring.blocks)}:
        files.verify(folder, file)
    kinds = arrays.kinds_of(copy.state)
    return Manifest(copy.step, number, copy.best, copy.metadata, kinds, state, rest_file, ring)


def read(
    folder: pathlib.Path, manifest: Manifest, template_state: Any, template_replay: Any, added: tuple[str, ...] = ()
) -> Checkpoint:
    """Reads what a manifest names; leaves whose names begin with one of `added` are zero where it has none of them.

    Raises:
        CheckpointError: for damage, and for what does not match the templates.
    """
    wanted = trees.kinds(template_state)
    absent = {name for name in wanted.keys() - manifest.kinds.keys() if name.startswith(added)} if added else set()
    kinds = {name: kind for name, kind in wanted.items() if name not in absent}
    trees.compare("the state's", manifest.kinds, kinds)
    rest = _read_rest(folder, manifest, template_replay)
    fields = {name: rest.pop(f"replay/{name}") for name in ("valid", "cursor", "size")}
    numbers = replay_files.read(folder, manifest.ring, template_replay)
    state = state_files.read(folder, state_name(manifest.number), manifest.state, kinds)
    state |= {name: np.zeros(wanted[name].shape, wanted[name].dtype) for name in absent}
    pool = {name.removeprefix("pool/"): array for name, array in rest.items()}
    replay = template_replay.restored(numbers, **fields)
    return Checkpoint(manifest.step, trees.rebuild(template_state, state), replay, pool, manifest.metadata)


def read_part(folder: pathlib.Path, manifest: Manifest, path: str, template: Any) -> Any:
    """Reads one subtree of the state, such as the parameters; `path` and `template` as in `manager.read_part`."""
    prefix = f"{path}/"
    kinds = {name.removeprefix(prefix): kind for name, kind in manifest.kinds.items() if name.startswith(prefix)}
    trees.compare(path, kinds, trees.kinds(template))
    state = state_files.read(folder, state_name(manifest.number), manifest.state, manifest.kinds)
    leaves = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    return trees.rebuild(template, leaves)


@functools.cache
def versions() -> Mapping[str, str]:
    """Versions of Python and of the packages that can change a result; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return types.MappingProxyType(found)


def state_name(number: int) -> str:
    return f"state-{number:06d}"


def _read_rest(folder: pathlib.Path, manifest: Manifest, template: Any) -> dict[str, np.ndarray]:
    """The simulators' snapshot, and the replay's cursors, sizes and validity, within their bounds."""
    rows, shape = template.valid.shape[-1], template.valid.shape
    if manifest.ring.rows != rows:
        raise CheckpointError(
            f"its replay has {manifest.ring.rows} rows a lane, this program's has {rows}; resume with the same capacity"
        )
    files.verify(folder, manifest.rest)
    rest = dict(arrays.read(folder / manifest.rest.name))
    wanted = arrays.kinds_of({"replay/cursor": template.cursor, "replay/size": template.size})
    wanted["replay/valid"] = Kind((-(-math.prod(shape) // 8),), np.dtype(np.uint8))
    saved = {name: kind for name, kind in arrays.kinds_of(rest).items() if not name.startswith("pool/")}
    trees.compare("the array", saved, wanted)
    cursor, size = rest["replay/cursor"], rest["replay/size"]
    if np.any(cursor < 0) or np.any(cursor >= rows) or np.any(size < 0) or np.any(size > rows):
        raise CheckpointError(f"{manifest.rest.name} has a cursor or a size beyond the replay's {rows} rows")
    valid = np.unpackbits(rest["replay/valid"], count=math.prod(shape)).astype(bool).reshape(shape)
    return rest | {"replay/valid": valid}
