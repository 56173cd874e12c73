"""The manifest of one checkpoint: a page of JSON with a checksum, which names every file of the checkpoint."""

import json
import math
import os
import pathlib
import re
from typing import Any, NamedTuple

from cmta_jax.checkpoint import arrays, files
from cmta_jax.checkpoint.arrays import Kind
from cmta_jax.checkpoint.files import CheckpointError, File
from cmta_jax.storage import atomic

FORMAT = 1
LARGEST = 64 << 20  # bytes
FILE_NAME = re.compile(r"(state-\d{6,12}/)?[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


class Ring(NamedTuple):
    """Where the replay's rows are: `blocks[b]` holds the newest content of block b of every lane (None: no rows)."""

    rows: int
    block_rows: int
    blocks: tuple[File | None, ...]


class Manifest(NamedTuple):
    step: int
    number: int  # of the save, part of the names of its files
    best: float | None  # smoothed success, None where it was not measured
    metadata: dict
    kinds: dict[str, Kind]  # of the state's leaves
    state: tuple[File, ...]
    rest: File
    ring: Ring

    @property
    def file_names(self) -> set[str]:
        """Names, in the checkpoint folder, that this checkpoint needs."""
        chunks = {block.name for block in self.ring.blocks if block}
        return {file.name.split("/")[0] for file in self.state} | {self.rest.name} | chunks


def path_of(folder: pathlib.Path, step: int) -> pathlib.Path:
    return folder / f"step-{step:09d}.json"


def write(folder: pathlib.Path, manifest: Manifest) -> None:
    """Completes a checkpoint: all its files must be durable and verified."""
    chunks = sorted({block for block in manifest.ring.blocks if block})
    position = {chunk: index for index, chunk in enumerate(chunks)}
    ring = {"chunks": chunks, "blocks": [position[block] if block else None for block in manifest.ring.blocks]}
    kinds = {name: [list(kind.shape), arrays.CODES[kind.dtype]] for name, kind in manifest.kinds.items()}
    body = manifest._asdict() | {"kinds": kinds, "ring": manifest.ring._asdict() | ring}
    page = {"format": FORMAT, "digest": _digest(body), "body": body}
    atomic.replace(path_of(folder, manifest.step), json.dumps(page, allow_nan=False).encode())


def read(path: pathlib.Path) -> Manifest:
    """Raises CheckpointError unless this is a manifest with the digest that `write` gave it."""
    try:
        with open(path, "rb") as stream:
            page: Any = json.loads(stream.read()) if os.fstat(stream.fileno()).st_size <= LARGEST else None
        if page["format"] != FORMAT:
            raise CheckpointError(f"{path.name} has format {page['format']!r:.20}, this version reads format {FORMAT}")
        if page["digest"] != _digest(page["body"]):
            raise CheckpointError(f"{path.name} is damaged: its digest is not the one it was written with")
        manifest = _manifest(page["body"])
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read ({error.strerror})") from error
    except CheckpointError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is malformed ({type(error).__name__})") from error
    if path.name != path_of(path.parent, manifest.step).name:
        raise CheckpointError(f"{path.name} is the manifest of step {manifest.step}")
    return manifest


def _digest(body: Any) -> str:
    found = files.digest()
    found.update(json.dumps(body, sort_keys=True, allow_nan=False).encode())
    return found.hexdigest()


def _manifest(body: dict[str, Any]) -> Manifest:
    if body.keys() != set(Manifest._fields):
        raise KeyError("not the entries of a manifest")
    kinds = {
        name: Kind(tuple(map(_natural, shape)), arrays.DTYPES[code]) for name, (shape, code) in body["kinds"].items()
    }
    return Manifest(
        step=_natural(body["step"]),
        number=_natural(body["number"]),
        best=None if body["best"] is None else _require(body["best"], float),
        metadata=_require(body["metadata"], dict),
        kinds=kinds,
        state=tuple(map(_file, body["state"])),
        rest=_file(body["rest"]),
        ring=_ring(**body["ring"]),
    )


def _ring(rows: Any, block_rows: Any, blocks: Any, chunks: Any) -> Ring:
    chunks = [*map(_file, chunks)]
    blocks = tuple(None if block is None else chunks[_natural(block)] for block in blocks)
    if not 1 <= _natural(block_rows) <= _natural(rows) or len(blocks) != math.ceil(rows / block_rows):
        raise ValueError("the blocks do not cover the ring")
    return Ring(rows, block_rows, blocks)


def _file(entry: Any) -> File:
    name, size, digest = entry
    if not FILE_NAME.fullmatch(_require(name, str)):
        raise ValueError("a file outside the checkpoint folder")
    return File(name, _natural(size), _require(digest, str))


def _natural(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 2**63:
        raise ValueError("not a natural number of 64 bits")
    return number


def _require(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError("not what a manifest holds here")
    return value
