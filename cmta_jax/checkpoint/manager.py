"""Saves and restores a run: the learner through orbax, the replay in append-only pieces, a manifest over both."""

import concurrent.futures
import logging
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cmta_jax.checkpoint import folder, manifest, replay_files, snapshot
from cmta_jax.checkpoint.files import CheckpointError
from cmta_jax.checkpoint.manifest import Manifest
from cmta_jax.checkpoint.replay_files import Saved
from cmta_jax.checkpoint.snapshot import Checkpoint, Copy

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Checkpointer:
    """Writes checkpoints on a thread of its own, and reads the newest good one.

    Args:
        directory: made if missing. One process at a time may write to it.
        keep: how many of the newest checkpoints are kept, besides the best.
        read_only: no lock, no cleaning, no saving: for looking at the run of another process.

    Raises:
        CheckpointError: the directory cannot be written to, or another process writes to it.
    """

    def __init__(self, directory: str | pathlib.Path, *, keep: int = 3, read_only: bool = False):
        if keep < 1:
            raise ValueError(f"keep={keep} checkpoints leaves none to resume from; keep at least 1")
        self._folder, self._keep = pathlib.Path(directory), keep
        self._lock = None if read_only else folder.lock(self._folder)
        self._writer = concurrent.futures.ThreadPoolExecutor(1, "checkpoint")
        self._pending: concurrent.futures.Future | None = None
        self._saved: Saved | None = None
        self._ours = False  # whether the checkpoints in the folder are of this run
        manifests = folder.readable(self._folder)
        if not read_only and len(manifests) == len(folder.steps(self._folder)):
            self._tidy(lambda: folder.clean(self._folder, manifests.values()))  # what a killed save left behind

    def save(self, checkpoint: Checkpoint, *, best: float | None = None, wait: bool = False) -> bool:
        """Starts saving; the checkpoint's arrays may be donated or overwritten as soon as this returns.

        If the disk is full, fails, or does not give back what was written, or if memory runs out, the save is logged as
        a warning and all earlier checkpoints stay in place; the next save writes what this one could not.

        Args:
            best: smoothed success, which decides which checkpoint is the best; None where it was not measured.
            wait: return when the checkpoint is complete.

        Returns:
            False if `wait` and the checkpoint could not be written.
        """
        self.wait()
        if self._lock is None:
            raise CheckpointError(f"{self._folder} was opened for reading only")
        if not self._ours and folder.steps(self._folder):
            raise CheckpointError(f"{self._folder} holds the checkpoints of a run; resume it or choose another folder")
        self._ours = True
        if self._saved and not replay_files.all_there(self._folder, self._saved.ring):
            log.warning("files of the replay in %s are gone: it is saved anew.", self._folder)
            self._saved = None
        copy = snapshot.copy(checkpoint, best, self._saved)
        self._pending = self._writer.submit(self._write, copy)
        return self.wait() if wait else True

    def wait(self) -> bool:
        """Waits for the save in progress; false if the disk refused it. Raises any other error of the save."""
        pending, self._pending = self._pending, None
        return pending.result() if pending else True

    def restore(
        self, template_state: Any, template_replay: Any, step: int | None = None, *, added: tuple[str, ...] = ()
    ) -> Checkpoint | None:
        """Reads the newest good checkpoint, or that of `step`; None if the folder holds none.

        A checkpoint that cannot be read is reported by a warning and the one before it is taken. The next save
        deletes all checkpoints of later steps than the one restored.

        Args:
            template_state, template_replay: pytrees of arrays or `jax.ShapeDtypeStruct` like those saved.
            added: beginnings of names of leaves that checkpoints of older versions lack; they are zero then.

        Returns:
            A checkpoint whose arrays are numpy arrays (and random keys where the template has random keys).

        Raises:
            CheckpointError: there are checkpoints, but none is good.
        """
        self.wait()
        wanted = folder.steps(self._folder) if step is None else [step]

        def read(found: Manifest) -> Checkpoint:
            checkpoint = snapshot.read(self._folder, found, template_state, template_replay, added)
            self._ours = True
            self._saved = Saved(found.step, checkpoint.replay.cursor, checkpoint.replay.size, found.ring)
            return checkpoint

        return _newest_good(self._folder, wanted, read) if wanted else None

    def metadata(self, step: int | None = None) -> dict | None:
        """The metadata of the newest checkpoint with a readable manifest (or that of `step`); None if there is none."""
        manifests = folder.readable(self._folder)
        found = manifests.get(max(manifests, default=0) if step is None else step)
        return found.metadata if found else None

    def steps(self) -> list[int]:
        """Steps of the complete checkpoints, in ascending order."""
        return sorted(folder.readable(self._folder))

    def best_step(self) -> int | None:
        """The step of the checkpoint with the highest smoothed success; None if none was measured."""
        found = folder.best(folder.readable(self._folder).values())
        return found.step if found else None

    def close(self) -> bool:
        """Waits for the save in progress (false if it failed) and lets other processes write to the folder."""
        try:
            return self.wait()
        finally:
            self._writer.shutdown()
            if self._lock is not None:
                self._lock.close()

    def __enter__(self) -> "Checkpointer":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _write(self, copy: Copy) -> bool:
        number = folder.next_number(self._folder)
        try:
            self._folder.mkdir(exist_ok=True)  # somebody may have deleted it
            written = snapshot.write(self._folder, number, copy)
            manifest.write(self._folder, written)
        except (OSError, CheckpointError, MemoryError) as error:
            reason = str(error) or "memory ran out"
            log.warning("the checkpoint of step %d could not be saved (%s); training goes on", copy.step, reason)
            self._tidy(lambda: folder.discard(self._folder, number))
            return False
        self._saved = Saved(copy.step, copy.rest["replay/cursor"], copy.rest["replay/size"], written.ring)
        self._tidy(lambda: folder.forget(self._folder, copy.step, self._keep))
        return True

    def _tidy(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            log.warning("files that are no longer needed in %s could not be deleted (%s)", self._folder, error)


def read_part(directory: str | pathlib.Path, path: str, template: Any, step: int | None = None) -> tuple[int, Any]:
    """Reads a subtree of the state of the newest good checkpoint, or of that of `step`; a run may be writing meanwhile.

    Args:
        path: of the subtree: keys, fields and positions joined by slashes.
        template: the subtree with arrays or `jax.ShapeDtypeStruct` as leaves.

    Returns:
        The step of the checkpoint, and the template's tree with numpy leaves.

    Raises:
        CheckpointError: there is no checkpoint, none is good, or it does not match the template.
    """
    directory = pathlib.Path(directory)
    wanted = folder.steps(directory) if step is None else [step]
    if not wanted:
        raise CheckpointError(f"{directory} holds no checkpoint")
    return _newest_good(
        directory, wanted, lambda found: (found.step, snapshot.read_part(directory, found, path, template))
    )


def _newest_good(directory: pathlib.Path, steps: Sequence[int], read: Callable[[Manifest], Result]) -> Result:
    """What `read` makes of the last of `steps` (ascending) whose checkpoint is good; a warning for each other one.

    Raises:
        CheckpointError: none is good; the reason of the first one.
    """
    for step in reversed(steps):
        try:
            return read(manifest.read(manifest.path_of(directory, step)))
        except CheckpointError as error:
            reason = f"the checkpoint of step {step} in {directory} cannot be used: {error}"
            if step == steps[0]:
                raise CheckpointError(reason) from error
            log.warning("%s; falling back to the one before", reason)
    raise ValueError("no steps to choose from")
