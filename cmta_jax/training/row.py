"""A row of the replay: what is kept of one step of one lane, as a structure and as one flat array."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.types import Array, Carry


class Row(NamedTuple):
    """What a row of a ring holds; leaves `[..., *shape]`."""

    observation: Array
    action: Array
    reward: Array
    discount: Array
    success: Array
    carry: Carry


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the leaves of a `Row` lie side by side in one array: a row is written and read in one piece."""

    structure: Any  # of a `Row`, as a pytree
    shapes: tuple[tuple[int, ...], ...]  # of each leaf in one row
    dtypes: tuple[np.dtype, ...]  # of each leaf

    @property
    def dtype(self) -> np.dtype:
        """That of the array: it holds all others exactly."""
        return np.result_type(*self.dtypes)

    @property
    def width(self) -> int:
        """W, the numbers in a row."""
        return self.ends[-1]

    @property
    def ends(self) -> tuple[int, ...]:
        """Where each leaf ends among the numbers of a row."""
        return tuple(np.cumsum([int(np.prod(shape)) for shape in self.shapes]).tolist())

    def pack(self, row: Row) -> Array:
        """Leaves `[..., *shape]` as one array `[..., W]`."""
        lead = row.reward.shape
        flat = [leaf.reshape(*lead, -1).astype(self.dtype) for leaf in self.structure.flatten_up_to(row)]
        return jnp.concatenate(flat, axis=-1)

    def views(self, numbers: Any) -> Row:
        """The leaves `[..., *shape]` of an array `[..., W]`, in its dtype; of a numpy array, its memory."""
        lead, begins = numbers.shape[:-1], (0, *self.ends)
        parts = (numbers[..., begin:end] for begin, end in zip(begins, self.ends, strict=False))
        leaves = (part.reshape(*lead, *shape) for part, shape in zip(parts, self.shapes, strict=True))
        return self.structure.unflatten(leaves)

    def unpack(self, numbers: Array) -> Row:
        """What was packed."""
        leaves = self.structure.flatten_up_to(self.views(numbers))
        return self.structure.unflatten(leaf.astype(dtype) for leaf, dtype in zip(leaves, self.dtypes, strict=True))


def layout_of(example: Row) -> Layout:
    """The layout of rows like those of `example`, whose leaves have as many leading axes as its reward."""
    leaves, structure = jax.tree.flatten(example)
    lead = example.reward.ndim
    shapes = tuple(leaf.shape[lead:] for leaf in leaves)
    return Layout(structure, shapes, tuple(np.dtype(leaf.dtype) for leaf in leaves))
