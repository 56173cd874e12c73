"""The replay in append-only pieces: every save writes only the blocks of rows that changed since the save before.

The rings of all lanes are cut at the same rows into blocks. A manifest names the file with the newest content of each
block. Therefore no save copies or changes a file of an earlier one, and a file can be deleted when all its blocks have
been written again.
"""

import functools
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.checkpoint import arrays, files, trees
from cmta_jax.checkpoint.arrays import Kind
from cmta_jax.checkpoint.files import CheckpointError, File
from cmta_jax.checkpoint.manifest import Ring

MARGIN = 2  # rows around a cursor that an `add` may still change (it also writes the row after the transition)
ROWS_PER_STEP = 2  # rows that one step of the environments writes at most to a lane (the last one of an episode)
BLOCK_BYTES = 4 << 20
SMALLEST_BLOCK = 64  # rows
BYTES_LEFT_ON_DEVICE = 256 << 20  # copies that the writing thread fetches later; what goes beyond is fetched at once


class Saved(NamedTuple):
    """The replay as the newest complete checkpoint has it."""

    step: int
    cursor: np.ndarray  # [..., N, C]
    size: np.ndarray  # [..., N, C]
    ring: Ring


class Blocks(NamedTuple):
    """Copies of blocks of rows, on their way to a file."""

    numbers: list[int]
    leaves: list[dict[str, Any]]  # one dictionary of named arrays a block
    ring: Ring  # of the save before: only rows and block_rows count


def empty_ring(replay: Any) -> Ring:
    """The ring of a replay of which nothing has been saved; blocks of about BLOCK_BYTES over all lanes."""
    rows = replay.valid.shape[-1]
    row_bytes = sum(kind.size for kind in _kinds(replay).values()) // rows
    block_rows = min(rows, max(SMALLEST_BLOCK, BLOCK_BYTES // max(1, row_bytes)))
    return Ring(rows, block_rows, (None,) * -(-rows // block_rows))


def changed_rows(saved: Saved | None, step: int, cursor: np.ndarray, size: np.ndarray, rows: int) -> np.ndarray:
    """`[P]` bool: rows that any lane may have written since `saved` (all its rows where that cannot be known)."""
    if saved is not None and np.any(saved.size > size):
        saved = None
    if saved is not None and 0 <= ROWS_PER_STEP * (step - saved.step) < rows - 2 * MARGIN:  # less than once around
        begin, length = saved.cursor, (cursor - saved.cursor) % rows
    else:
        begin, length = cursor - size, size
    changed = np.zeros(rows, bool)
    for first, count in np.unique(np.stack([begin.ravel(), length.ravel()], axis=1), axis=0):
        changed[np.arange(first - MARGIN, first + min(count, rows) + MARGIN) % rows] = True
    return changed


def copy_changed(replay: Any, saved: Saved | None, step: int, cursor: np.ndarray, size: np.ndarray) -> Blocks:
    """Copies what changed; `replay` may be donated as soon as this returns (the copies are other buffers)."""
    ring = saved.ring if saved else empty_ring(replay)
    changed = changed_rows(saved, step, cursor, size, ring.rows)
    begins = _begins(ring)
    numbers = [number for number, begin in enumerate(begins) if changed[begin : begin + ring.block_rows].any()]
    rows = jnp.asarray(replay.numbers)
    blocks, in_flight = [], max(1, BYTES_LEFT_ON_DEVICE // max(1, rows.nbytes * ring.block_rows // ring.rows))
    for position, number in enumerate(numbers):
        blocks.append(_block(rows, begins[number], layout=replay.layout, rows=ring.block_rows))
        if position >= in_flight:
            blocks[position - in_flight] = jax.device_get(blocks[position - in_flight])
    return Blocks(numbers, blocks, ring)


def write(path: pathlib.Path, blocks: Blocks) -> Ring:
    """Writes the copies and returns where every block is now."""
    if not blocks.numbers or not blocks.leaves[0]:
        return blocks.ring
    kinds = arrays.kinds_of(blocks.leaves[0])
    layout = {f"{number:06d}/{leaf}": kind for number in blocks.numbers for leaf, kind in kinds.items()}
    file = arrays.write(path, layout, _fetched(blocks))
    written = set(blocks.numbers)
    places = (file if number in written else place for number, place in enumerate(blocks.ring.blocks))
    return blocks.ring._replace(blocks=tuple(places))


def all_there(folder: pathlib.Path, ring: Ring) -> bool:
    """Whether the files of all blocks are there, by name and size: a save that builds on them needs them."""
    try:
        return all((folder / file.name).stat().st_size == file.size for file in {*ring.blocks} if file)
    except OSError:
        return False


def read(folder: pathlib.Path, ring: Ring, template: Any) -> np.ndarray:
    """The numbers of a replay like the template, as a numpy array; rows that were never written are zeros."""
    wanted, axis = _kinds(template), template.cursor.ndim
    numbers = np.zeros(template.numbers.shape, template.numbers.dtype)
    by_row = {name: np.moveaxis(leaf, axis, 0) for name, leaf in trees.named(template.layout.views(numbers)).items()}
    missing = {(number, name) for number, place in enumerate(ring.blocks) if place for name in wanted}
    for file in sorted({place for place in ring.blocks if place}):
        files.verify(folder, file)
        missing -= _read_file(folder, file, ring, by_row, wanted, axis)
    if missing:
        raise CheckpointError(f"block {min(missing)[0]} of the replay is not in the file that should hold it")
    return numbers


def _read_file(
    folder: pathlib.Path, file: File, ring: Ring, rows: dict[str, np.ndarray], wanted: dict[str, Kind], axis: int
) -> set[tuple[int, str]]:
    begins, found = _begins(ring), set()
    for name, block in arrays.read(folder / file.name):
        number, _, leaf = name.partition("/")
        if not number.isdecimal() or int(number) >= len(begins) or leaf not in rows:
            raise CheckpointError(f"{file.name} holds {name!r:.80}, which does not belong to this replay")
        if ring.blocks[int(number)] == file:
            place = rows[leaf][begins[int(number)] :][: ring.block_rows]
            alike = block.dtype == wanted[leaf].dtype and block.ndim > axis
            if not alike or np.moveaxis(block, axis, 0).shape != place.shape:
                raise CheckpointError(f"{file.name} holds {name!r:.80} in another shape than this replay has")
            place[:] = np.moveaxis(block, axis, 0)
            found.add((int(number), leaf))
    return found


def _begins(ring: Ring) -> list[int]:
    """First rows of the blocks; the last block ends with the ring and may overlap the one before."""
    return [min(number * ring.block_rows, ring.rows - ring.block_rows) for number in range(len(ring.blocks))]


def _kinds(replay: Any) -> dict[str, Kind]:
    """What the files hold of a replay's rows: its leaves, whatever their layout in memory."""
    return trees.kinds(jax.eval_shape(lambda: replay.layout.unpack(jnp.zeros_like(replay.numbers))))


def _fetched(blocks: Blocks) -> Iterator[np.ndarray]:
    for position in range(len(blocks.leaves)):
        block, blocks.leaves[position] = blocks.leaves[position], {}
        yield from jax.device_get(block).values()


@functools.partial(jax.jit, static_argnames=("layout", "rows"))
def _block(numbers: jax.Array, begin: int, *, layout: Any, rows: int) -> dict[str, jax.Array]:
    """The leaves of `rows` rows, by name."""
    return trees.named(layout.unpack(jax.lax.dynamic_slice_in_dim(numbers, begin, rows, axis=numbers.ndim - 2)))
