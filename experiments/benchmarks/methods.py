"""The benchmark suite `methods`: what one update of each row of the paper's tables costs, at the paper's MT10 size.

A row is a flagfile of `flags/mt10_mixed`. `ratio` compares with large matrix products of as many FLOPs, as in
`update`; `own_ratio` with the method's own products, alone and at their own sizes. These have as many FLOPs, but narrow
products and products of one task's rows are slower in any program. For TSAC, `over_base` is the time of its update over
that of the method that it wraps, measured in turns.
"""

import statistics
from typing import Any, NamedTuple

from cmta_jax.methods import build
from cmta_jax.types import Method, Spec
from experiments.benchmarks import matmul_floor, update
from experiments.benchmarks.grid import spec_of, sweep
from experiments.benchmarks.options import Options
from experiments.command_line.flagfiles import SHIPPED, expand
from experiments.command_line.parse import values_of

COLUMNS = (*update.COLUMNS, "own_ms", "own_ratio", "over_base")


class Row(NamedTuple):
    """A flagfile of `flags/mt10_mixed`, without its ending."""

    row: str


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures every row, or with `--method` those that it names; see `sweep`."""
    return sweep(json_path, options, COLUMNS, measure, map(Row, rows(options)))


def rows(options: Options) -> list[str]:
    """Names of flagfiles in `mt10_mixed`; all if the methods asked for are the default or `all`."""
    names = sorted(path.stem for path in (SHIPPED / "mt10_mixed").glob("*.flags"))
    asked = [name for name in options.method if name in names]
    return names if tuple(options.method) == Options().method or not asked else asked


def measure(cell: Row, options: Options) -> dict[str, float | None]:
    """The figures of one row."""
    values = values_of(expand([f"--flagfile=mt10_mixed/{cell.row}.flags"]))
    spec = spec_of("mt10")
    method = build(values["method"], values, spec)
    figures = update.compare(method, spec, options)
    own_ms = matmul_floor.milliseconds(method, spec, options)
    base = values.get(f"{values['method']}.base")
    over_base = _over(method, build(base, values, spec), spec, options) if base else None
    return figures | {"own_ms": own_ms, "own_ratio": figures["update_ms"] / own_ms, "over_base": over_base}


def _over(method: Method, base: Method, spec: Spec, options: Options) -> float:
    """The time of one method's update over another's."""
    subjects = [update.prepare(each, spec, options, seeds=1) for each in (method, base)]
    seconds = update.in_turns([update.stepper(subject) for subject in subjects], options)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])
