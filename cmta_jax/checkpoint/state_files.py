"""The learner's state through orbax: one flat dictionary, written synchronously (by the checkpointer's own thread).

Orbax's asynchronous saving of nested composites has a race. Here one thread saves a flat item and waits for it.
"""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np

from cmta_jax.checkpoint import files
from cmta_jax.checkpoint.arrays import Kind, kinds_of
from cmta_jax.checkpoint.files import CheckpointError, File
from cmta_jax.storage import atomic

IGNORED = (".", "@eaDir", "Thumbs.db", "desktop.ini")  # beginnings of names


def write(folder: pathlib.Path, name: str, state: dict[str, np.ndarray]) -> tuple[File, ...]:
    """Writes folder/name/ durably, reads it back, and describes its files.

    Raises:
        CheckpointError: orbax could not write it, or what was written does not read back as `state`.
    """
    import orbax.checkpoint as ocp  # here, because reading a policy does not need its second of imports

    stored = {leaf: array for leaf, array in state.items() if array.size}  # orbax refuses arrays without elements
    try:
        with _plain(folder) as place, ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            checkpointer.save(place / name, args=ocp.args.PyTreeSave(stored))
    except Exception as error:  # tensorstore reports a full disk in several types
        raise CheckpointError(f"orbax could not write {name} ({_sentence(error)})") from error
    paths = sorted((folder / name).rglob("*"))
    described = tuple(files.describe(folder, str(path.relative_to(folder))) for path in paths if path.is_file())
    for path in [*paths, folder / name]:
        if path.is_dir():
            atomic.sync_folder(path)
    found = read(folder, name, described, kinds_of(state))
    if changed := [leaf for leaf, array in state.items() if found[leaf].tobytes() != array.tobytes()]:
        raise CheckpointError(f"{changed[0]!r:.120} in {name} does not read back as it was written")
    return described


def read(folder: pathlib.Path, name: str, described: tuple[File, ...], kinds: dict[str, Kind]) -> dict[str, np.ndarray]:
    """The arrays of folder/name/, which must be those of `kinds`; every file is verified before orbax sees it.

    File managers and servers leave files of their own (`.DS_Store`, `.nfs0001`), which orbax does not read.
    """
    for file in described:
        files.verify(folder, file)
    found = {path.relative_to(folder) for path in (folder / name).rglob("*") if path.is_file()}
    ours = {str(path) for path in found if not any(part.startswith(IGNORED) for part in path.parts)}
    if foreign := sorted(ours - {file.name for file in described}):
        raise CheckpointError(f"{foreign[0]} was not written with it: delete that file")
    state = {leaf: np.zeros(kind.shape, kind.dtype) for leaf, kind in kinds.items() if not np.prod(kind.shape)}
    stored = {leaf: kind for leaf, kind in kinds.items() if leaf not in state}
    try:
        with _plain(folder) as place:
            return state | _restore(place / name, stored)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"orbax cannot read {name} ({_sentence(error)})") from error


def _restore(path: pathlib.Path, kinds: dict[str, Kind]) -> dict[str, np.ndarray]:
    import orbax.checkpoint as ocp

    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        saved = checkpointer.metadata(path).item_metadata.tree
        if {leaf: Kind(tuple(array.shape), np.dtype(array.dtype)) for leaf, array in saved.items()} != kinds:
            raise CheckpointError(f"{path.name} holds other arrays than its manifest names")
        as_numpy = {leaf: ocp.RestoreArgs(restore_type=np.ndarray) for leaf in kinds}
        return checkpointer.restore(path, args=ocp.args.PyTreeRestore(dict.fromkeys(kinds, 0), restore_args=as_numpy))


@contextlib.contextmanager
def _plain(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """An absolute path of the folder that orbax and tensorstore can use: UTF-8, and nothing of a glob pattern."""
    folder = folder.absolute()
    if _is_utf_8(str(folder)) and not set("*?[]\\") & set(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="cmta_jax-") as parent:
        link = pathlib.Path(parent) / "checkpoints"
        link.symlink_to(folder, target_is_directory=True)
        yield link


def _is_utf_8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes of another encoding, which Python keeps as surrogates
        return False
    return True


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split()):.200}"
