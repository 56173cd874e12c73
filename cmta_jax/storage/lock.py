"""One process at a time in a folder."""

import logging
import os
import pathlib
import time

TRIES, PAUSE = 5, 0.02  # another process may hold the lock for a moment, to see whether the folder is in use

try:
    import fcntl
except ImportError as error:
    raise ImportError("cmta_jax runs on Linux: on Windows, use the Windows Subsystem for Linux (WSL 2).") from error

log = logging.getLogger(__name__)


class FolderInUse(ValueError):
    """Another process holds the folder; the message is one sentence for the user."""


class FolderLock:
    """Makes the folder and holds the file `lock` in it until `close`, or until this process ends.

    On file systems without locks a warning is logged and nothing is held.

    Raises:
        FolderInUse: another holder.
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._lock()
        except BlockingIOError:
            self.close()
            raise FolderInUse(f"Another process is running in {folder}: end it, or give another --workdir.") from None
        except OSError as error:  # some network file systems
            log.warning("%s cannot be locked (%s): start no second run there.", folder, error.strerror)

    def _lock(self) -> None:
        for left in reversed(range(TRIES)):
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(PAUSE)

    def close(self) -> None:
        """Lets others have the folder; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
