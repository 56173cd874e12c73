"""A file that only grows; neither a full disk nor a kill leaves it wrong."""

import logging
import os
import pathlib
from collections.abc import Callable

log = logging.getLogger(__name__)


class AppendFile:
    """Appends bytes; what the disk refuses is kept in memory and written again with the next append.

    Everything since the last `sync` stays in memory, so that a failed sync, too, loses nothing.

    Args:
        path: opened for appending, made if missing.
    """

    def __init__(self, path: str | pathlib.Path):
        self._path = pathlib.Path(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._synced = os.fstat(self._file).st_size  # bytes that are safely on the disk
        self._recent = bytearray()  # what follows them
        self._written = 0  # bytes of it that the operating system has taken
        self._failing = False

    def append(self, data: bytes) -> None:
        """Adds `data` and hands it to the operating system if it can be."""
        self._recent += data
        self._try(self._write)

    def sync(self) -> bool:
        """Makes everything so far durable; false if the disk refuses it now."""
        synced = self._try(self._sync)
        if synced and self._failing:
            self._failing = False
            log.warning("%s is written again, nothing is missing.", self._path)
        return synced

    def close(self) -> None:
        """A last `sync`; if it fails, an error in the log gives the number of lost bytes."""
        if self._file < 0:
            return
        if not self.sync():
            log.error("The last %d bytes of %s could not be written.", len(self._recent), self._path)
        os.close(self._file)
        self._file = -1

    def _try(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except OSError as error:
            self._written = 0  # after a failed sync it is unknown what arrived: write it all again
            if not self._failing:
                self._failing = True  # first, because the log may be this file
                log.warning("%s cannot be written (%s): keeping it in memory for now.", self._path, error.strerror)
            return False
        return True

    def _write(self) -> None:
        while self._written < len(self._recent):
            data = bytes(self._recent[self._written :])
            self._written += os.pwrite(self._file, data, self._synced + self._written)

    def _sync(self) -> None:
        self._write()
        os.fsync(self._file)
        self._synced += len(self._recent)
        self._recent, self._written = bytearray(), 0
