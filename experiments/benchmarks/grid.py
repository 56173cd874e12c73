"""What the suites over methods share: the combinations and their methods, the table, the file of figures."""

import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax

from cmta_jax import methods
from cmta_jax.environments import EnvironmentConfig, Pool, resolve_tasks
from cmta_jax.types import Method, Spec
from experiments.benchmarks.options import Options
from experiments.reporting.text_table import text_row


class Cell(NamedTuple):
    """One combination."""

    method: str
    benchmark: str
    seeds: int


class Measure(Protocol):
    """Measures one row of a table."""

    def __call__(self, cell: Any, options: Options, /) -> Mapping[str, float | None]:
        """The figures of a row by name; those that the table has no column for go to the file only.

        Args:
            cell: the NamedTuple that stands for the row, a `Cell` unless the suite has rows of another kind.
            options: what to measure.
        """
        ...


def sweep(
    json_path: str | None,
    options: Options,
    columns: Sequence[str],
    measure: Measure,
    cells: Iterable[NamedTuple] | None = None,
    device: str = "",
) -> dict[str, Any]:
    """Measures every cell and prints its row at once.

    Args:
        json_path: file for the figures; None for none.
        options: what to measure.
        columns: names of the figures that the table shows.
        measure: gives the figures of one cell.
        cells: one for each row; by default every combination of the options' methods, benchmarks and seeds.
        device: that the figures are about; by default this process's.

    Returns:
        `{"device": ..., "devices": ..., "rows": [...]}`, as in the file; with a single row, its figures are at the top
        level too.
    """
    cells = list(combinations(options) if cells is None else cells)
    device = device or jax.devices()[0].device_kind
    figures: dict[str, Any] = {"device": device, "devices": len(jax.devices()), "rows": []}
    print(f"device: {figures['device']}")
    header = [*cells[0]._fields, *columns]
    widths = [max(len(header[0]), *(len(cell[0]) for cell in cells)), *(max(8, len(name)) for name in header[1:])]
    print(text_row(header, widths))
    for cell in cells:
        row = {**cell._asdict(), **measure(cell, options)}
        figures["rows"].append(row)
        print(text_row([_text(value) for value in (*cell, *(row[name] for name in columns))], widths), flush=True)
    if len(figures["rows"]) == 1:
        figures |= figures["rows"][0]
    if json_path:
        pathlib.Path(json_path).write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def combinations(options: Options) -> Iterator[Cell]:
    """Every method with every benchmark and number of seeds."""
    for method in methods.METHODS if "all" in options.method else options.method:
        for benchmark in options.benchmark:
            for seeds in options.num_seeds:
                yield Cell(method, benchmark, seeds)


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value)


def spec_of(benchmark: str) -> Spec:
    """The tasks of a benchmark, with Meta-World's sizes and the horizon of a run."""
    return Spec(resolve_tasks(benchmark), Pool.observation_dim, Pool.action_dim, EnvironmentConfig.horizon)


def method_of(cell: Cell, options: Options) -> tuple[Method, Spec]:
    """The method of a row with the options' sizes, and its `Spec`.

    Raises:
        ValueError: an unknown method or benchmark.
    """
    spec = spec_of(cell.benchmark)
    values = {name: getattr(options, name) for name in ("hidden_dim", "batch_per_task", "activation_dtype")}
    return methods.build(cell.method, values, spec), spec
