"""A checkpoint folder: which checkpoints it holds, who may write to it, and what may be deleted."""

import pathlib
import re
import shutil
from collections.abc import Iterable

from cmta_jax.checkpoint import manifest
from cmta_jax.checkpoint.files import CheckpointError
from cmta_jax.checkpoint.manifest import Manifest
from cmta_jax.storage.lock import FolderInUse, FolderLock

MANIFEST = re.compile(r"step-(\d{9,18})\.json")
PART = re.compile(r"(?:state|rest|replay)-(\d{6,12})(?:\.safetensors|\.orbax.*|)")  # and orbax's temporary folders
TEMPORARY = re.compile(r"step-\d{9,18}\.json\.tmp")


def lock(folder: pathlib.Path) -> FolderLock:
    """Creates the folder; this process is its only writer until it closes what is returned, or ends."""
    try:
        return FolderLock(folder)
    except FolderInUse as error:
        raise CheckpointError(str(error)) from None
    except OSError as error:
        raise CheckpointError(f"checkpoints cannot be written to {folder} ({error.strerror})") from error


def steps(folder: pathlib.Path) -> list[int]:
    """Steps with a manifest, readable or not, in ascending order."""
    names = (MANIFEST.fullmatch(path.name) for path in _entries(folder))
    return sorted({int(name[1]) for name in names if name and manifest.path_of(folder, int(name[1])).name == name[0]})


def readable(folder: pathlib.Path) -> dict[int, Manifest]:
    """Manifests by step, those that can be read."""
    found = {}
    for step in steps(folder):
        try:
            found[step] = manifest.read(manifest.path_of(folder, step))
        except CheckpointError:
            continue
    return found


def next_number(folder: pathlib.Path) -> int:
    """The number of the next save: no file has it in its name yet."""
    names = (PART.fullmatch(path.name) for path in _entries(folder))
    return 1 + max((int(name[1]) for name in names if name), default=0)


def best(manifests: Iterable[Manifest]) -> Manifest | None:
    """The one with the highest smoothed success, the latest of equals."""
    measured = [one for one in manifests if one.best is not None]
    return max(measured, key=lambda one: (one.best, one.step), default=None)


def forget(folder: pathlib.Path, newest: int, keep: int) -> None:
    """Deletes all checkpoints but the newest, `keep - 1` before it and the best of those, then their files.

    Checkpoints of later steps are deleted too: training went back before them. Manifests go first, so that a
    half-deleted checkpoint does not count as one.
    """
    manifests = {step: one for step, one in readable(folder).items() if step <= newest}
    kept = set(sorted(manifests)[-keep:])
    if champion := best(manifests.values()):
        kept.add(champion.step)
    for step in set(steps(folder)) - kept:
        _delete(manifest.path_of(folder, step))
    clean(folder, [manifests[step] for step in kept])


def clean(folder: pathlib.Path, kept: Iterable[Manifest]) -> None:
    """Deletes the files that none of these checkpoints needs, and nothing that a checkpointer did not write."""
    needed = set().union(*(one.file_names for one in kept))
    for path in _entries(folder):
        if path.name not in needed and (PART.fullmatch(path.name) or TEMPORARY.fullmatch(path.name)):
            _delete(path)


def discard(folder: pathlib.Path, number: int) -> None:
    """Deletes what a failed save wrote, which no manifest needs."""
    needed = set().union(*(one.file_names for one in readable(folder).values()))
    for path in _entries(folder):
        part = PART.fullmatch(path.name)
        if path.name not in needed and (TEMPORARY.fullmatch(path.name) or (part and int(part[1]) == number)):
            _delete(path)


def _delete(path: pathlib.Path) -> None:
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _entries(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
