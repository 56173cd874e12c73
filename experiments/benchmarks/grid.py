"""What the suites over methods share: the combinations, the table, the file of figures."""

import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax

from cmta_jax.methods import METHODS
from experiments.benchmarks.options import Options


class Cell(NamedTuple):
    """One combination."""

    method: str
    benchmark: str
    seeds: int


def sweep(
    json_path: str | None,
    options: Options,
    columns: Sequence[str],
    measure: Callable[[Any, Options], dict[str, Any]],
    cells: Iterable[NamedTuple] | None = None,
) -> dict:
    """Measures every cell, by default every combination asked for, printing its row as soon as it is there.

    Returns:
        `{"device": ..., "rows": [...]}`, also written to `json_path` if one is given; with a single row, its figures
        stand at the top level too.
    """
    cells = list(_combinations(options) if cells is None else cells)
    figures: dict = {"device": jax.devices()[0].device_kind, "devices": len(jax.devices()), "rows": []}
    print(f"device: {figures['device']}")
    header = [*cells[0]._fields, *columns]
    widths = [max(len(header[0]), *(len(cell[0]) for cell in cells)), *(max(8, len(name)) for name in header[1:])]
    print(_line(header, widths))
    for cell in cells:
        row = cell._asdict() | measure(cell, options)
        figures["rows"].append(row)
        print(_line([*cell, *(row[name] for name in columns)], widths), flush=True)
    if len(figures["rows"]) == 1:
        figures |= figures["rows"][0]
    if json_path:
        pathlib.Path(json_path).write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def _combinations(options: Options) -> Iterator[Cell]:
    for method in METHODS if "all" in options.method else options.method:
        for benchmark in options.benchmark:
            for seeds in options.num_seeds:
                yield Cell(method, benchmark, seeds)


def _line(values: Sequence[Any], widths: Sequence[int]) -> str:
    """The first value to the left, the others to the right of their columns."""
    texts = [f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value) for value in values]
    aligned = [texts[0].ljust(widths[0]), *map(str.rjust, texts[1:], widths[1:])]
    return "  ".join(aligned)
