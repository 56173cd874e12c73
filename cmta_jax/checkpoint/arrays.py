"""Named arrays in one file, in the safetensors format (https://huggingface.co/docs/safetensors).

Eight bytes of header length, a JSON header `{name: {dtype, shape, data_offsets}}`, then the arrays' bytes without gaps.
Reading such a file runs no code and allocates no more than the file's size. Files are written and read as a stream.
"""

import io
import json
import math
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

from cmta_jax.checkpoint import files
from cmta_jax.checkpoint.files import CheckpointError

DTYPES = {
    "BOOL": bool, "U8": "u1", "I8": "i1", "U16": "u2", "I16": "i2", "U32": "u4", "I32": "i4", "U64": "u8", "I64": "i8",
    "F16": "f2", "BF16": ml_dtypes.bfloat16, "F32": "f4", "F64": "f8",
}  # fmt: skip
DTYPES = {code: np.dtype(dtype) for code, dtype in DTYPES.items()}
CODES = {dtype: code for code, dtype in DTYPES.items()}
LARGEST_HEADER = 64 << 20
LARGEST_COUNT = 1 << 48


class Kind(NamedTuple):
    """Shape and dtype of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @classmethod
    def of(cls, array: Any) -> "Kind":
        kind = cls(tuple(array.shape), np.dtype(array.dtype))
        if kind.dtype not in CODES:
            raise ValueError(f"arrays of dtype {kind.dtype} cannot be saved; convert to one of {sorted(DTYPES)}")
        return kind

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def kinds_of(arrays: Mapping[str, Any]) -> dict[str, Kind]:
    return {name: Kind.of(array) for name, array in arrays.items()}


def write(path: pathlib.Path, kinds: Mapping[str, Kind], arrays: Iterable[Any], metadata: str = "") -> files.File:
    """Writes `arrays` (in the order of `kinds`, taken one at a time) durably."""
    found, size = files.digest(), 0
    with open(path, "wb") as stream:
        for piece in _pieces(kinds, arrays, metadata):
            found.update(piece)
            size += stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    return files.File(path.name, size, found.hexdigest())


def _pieces(kinds: Mapping[str, Kind], arrays: Iterable[Any], metadata: str) -> Iterator[bytes | memoryview]:
    header: dict[str, Any] = {"__metadata__": {"cmta_jax": metadata}} if metadata else {}
    offset = 0
    for name, kind in kinds.items():
        offsets = [offset, offset := offset + kind.size]
        header[name] = {"dtype": CODES[kind.dtype], "shape": kind.shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for kind, array in zip(kinds.values(), arrays, strict=True):
        array = np.asarray(array)
        assert Kind.of(array) == kind, (Kind.of(array), kind)
        yield memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def read(path: pathlib.Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (name, array) in the order of the file; raises CheckpointError if it is not such a file."""
    try:
        with open(path, "rb") as stream:
            kinds, _ = read_header(stream)
            for name, kind in kinds.items():
                yield name, _read_array(stream, name, kind)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read ({error.strerror})") from error


def read_header(stream: BinaryIO) -> tuple[dict[str, Kind], str]:
    """Kinds in the order of the data, and the metadata; everything is checked against the size of the file."""
    total = os.fstat(stream.fileno()).st_size
    length = int.from_bytes(stream.read(8), "little")
    if total < 8 or length > min(total - 8, LARGEST_HEADER):
        raise CheckpointError(f"a file of {total} bytes cannot hold a header of {length} bytes")
    try:
        header = json.loads(stream.read(length))
        metadata = header.pop("__metadata__", {}).get("cmta_jax", "")
        entries = sorted((*_entry(entry), name) for name, entry in header.items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"the header is malformed ({type(error).__name__})") from error
    offset, kinds = 0, {}
    for begin, end, shape, code, name in entries:
        kinds[name] = kind = Kind(shape, DTYPES[code])
        if begin != offset or end - begin != kind.size:
            raise CheckpointError(f"the array {name!r:.80} does not match its header in place or length")
        offset = end
    if offset != total - 8 - length or not isinstance(metadata, str):
        raise CheckpointError(f"the arrays take {offset} bytes, but the file holds {total - 8 - length}")
    return kinds, metadata


def _entry(entry: dict) -> tuple[int, int, tuple[int, ...], str]:
    (begin, end), shape, code = entry["data_offsets"], entry["shape"], entry["dtype"]
    numbers = (begin, end, *shape)
    if any(type(number) is not int or number < 0 for number in numbers) or code not in DTYPES or len(shape) > 16:
        raise ValueError("not an array")
    if math.prod(max(1, axis) for axis in shape) > LARGEST_COUNT:
        raise ValueError("too large")
    return begin, end, tuple(shape), code


def _read_array(stream: io.BufferedIOBase, name: str, kind: Kind) -> np.ndarray:
    array = np.empty(kind.shape, kind.dtype)
    content = array.reshape(-1).view(np.uint8)
    if stream.readinto(content) != kind.size:
        raise CheckpointError(f"the array {name!r:.80} is cut short")
    if kind.dtype == bool and np.any(content > 1):
        raise CheckpointError(f"the array {name!r:.80} holds bytes that are neither true nor false")
    return array
