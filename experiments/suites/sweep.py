"""What the suites over methods share: the combinations, the table, the file of figures."""

import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax

from cmta_jax.methods import METHODS
from experiments.suites.options import Options


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
    first = 2 + max(len(name) for name in (cells[0]._fields[0], *(cell[0] for cell in cells)))
    print(_line([*cells[0]._fields, *columns], first))
    for cell in cells:
        row = cell._asdict() | measure(cell, options)
        figures["rows"].append(row)
        print(_line([*cell, *(row[name] for name in columns)], first), flush=True)
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


def _line(values: Sequence[Any], first: int) -> str:
    texts = [f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value) for value in values]
    return f"{texts[0]:{first}s}" + "".join(f"{text:>14s}" for text in texts[1:])
