"""Files with size and digest, so that damage is noticed."""

import hashlib
import os
import pathlib
from typing import BinaryIO, NamedTuple

PIECE = 4 << 20  # bytes read at a time


class CheckpointError(ValueError):
    """A checkpoint or policy that cannot be used; the message is one sentence for the user."""


class File(NamedTuple):
    """A file as it was written: name relative to the checkpoint folder, size in bytes, BLAKE2b-256 in hexadecimal."""

    name: str
    size: int
    digest: str


def digest() -> "hashlib.blake2b":
    """An empty digest; BLAKE2b is the fastest strong one on processors without SHA instructions."""
    return hashlib.blake2b(digest_size=32)


def describe(folder: pathlib.Path, name: str) -> File:
    """Makes the file durable and describes it."""
    with open(folder / name, "rb") as stream:
        os.fsync(stream.fileno())
        return File(name, os.fstat(stream.fileno()).st_size, _digest_of(stream))


def verify(folder: pathlib.Path, file: File) -> None:
    """Raises CheckpointError unless the file is there with the size and digest it was written with."""
    try:
        with open(folder / file.name, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            found = _digest_of(stream) if size == file.size else ""
    except OSError as error:
        raise CheckpointError(f"{file.name} cannot be read ({error.strerror})") from error
    if size != file.size:
        raise CheckpointError(f"{file.name} has {size} bytes instead of {file.size}")
    if found != file.digest:
        raise CheckpointError(f"{file.name} is damaged: its digest is not the one it was written with")


def _digest_of(stream: BinaryIO) -> str:
    found = digest()
    while piece := stream.read(PIECE):
        found.update(piece)
    return found.hexdigest()
