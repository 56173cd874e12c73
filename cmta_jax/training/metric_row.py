"""The metrics of an update in one row: a GPU would write each of them, and send it to the host, on its own."""

import dataclasses
import math
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp

from cmta_jax.types import Array, Metrics


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class MetricRow(Mapping[str, Array]):
    """Metrics by name, as parts of one array; `[S, ...]` each, where `row` is `[S, M]`."""

    row: Array  # [M]
    parts: tuple[tuple[str, tuple[int, ...]], ...] = dataclasses.field(metadata={"static": True})  # names and shapes

    def __getitem__(self, name: str) -> Array:
        end = 0
        for part, shape in self.parts:
            begin, end = end, end + math.prod(shape)
            if part == name:
                return self.row[..., begin:end].reshape(*self.row.shape[:-1], *shape)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.parts)

    def __len__(self) -> int:
        return len(self.parts)


def in_a_row(metrics: Metrics) -> MetricRow:
    """Metrics of one seed, in the order of their names, as JAX orders dictionaries."""
    names = sorted(metrics)
    row = jnp.concatenate([jnp.ravel(metrics[name]) for name in names])
    return MetricRow(row, tuple((name, metrics[name].shape) for name in names))
