"""Small files that are always whole, even if the process is killed while it writes."""

import errno
import logging
import os
import pathlib

log = logging.getLogger(__name__)


def replace(path: pathlib.Path, content: bytes) -> None:
    """Writes a file so that `path` always holds either its old or its new content."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: pathlib.Path) -> None:
    """Makes the names in a folder durable, on file systems that can do so (not on CIFS and some FUSE)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
        log.debug("The file system of %s cannot sync a folder (%s).", folder, error.strerror)
    finally:
        os.close(descriptor)
