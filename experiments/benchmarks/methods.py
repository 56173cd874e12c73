"""The benchmark suite `methods`: what one update of each row of the paper's tables costs, at the paper's MT10 size.

A row is a flagfile of `flags/mt10_mixed`. `ratio` compares with large matrix products of as many FLOPs, as in
`update`; `own_ratio` with the method's own products, alone and at their own sizes. These have as many FLOPs, but narrow
products and products of one task's rows are slower in any program. For TSAC, `over_base` is the time of its update over
that of the method that it wraps, measured in turns. After the rows come the ingredients of the strong recipe, each on
CMTA (`cmta + weight_decay`); their `over_base` is the time over that of the update without the ingredient.
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


INGREDIENTS: dict[str, dict[str, Any]] = {  # with it; the update without it has the row's own value
    "critic_hidden_dim=1024": {"critic_hidden_dim": 1024},
    "critic_loss=categorical": {"critic_loss": "categorical"},
    "critic_reduction=mean": {"critic_reduction": "mean"},
    "weight_decay": {"weight_decay": 0.01},
    "cmta.memory_history=8": {"cmta.memory_history": 8},
}
WITHOUT: dict[str, dict[str, Any]] = {"critic_layer_norm": {"critic_layer_norm": False}}  # what the row has already


class Row(NamedTuple):
    """A flagfile of `flags/mt10_mixed`, without its ending; or CMTA's and, after ` + `, an ingredient."""

    row: str


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures every row, or with `--method` those that it names; see `sweep`."""
    return sweep(json_path, options, COLUMNS, measure, map(Row, rows(options)))


def rows(options: Options) -> list[str]:
    """Names of flagfiles in `mt10_mixed` and CMTA with each ingredient; all if the default or `all` is asked for."""
    names = sorted(path.stem for path in (SHIPPED / "mt10_mixed").glob("*.flags"))
    asked = [name for name in options.method if name in names]
    recipe = [f"cmta + {name}" for name in (*WITHOUT, *INGREDIENTS)]
    return [*names, *recipe] if tuple(options.method) == Options().method or not asked else asked


def settings_of(row: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The settings of a row and, for an ingredient, those of the update without it."""
    name, _, ingredient = row.partition(" + ")
    values = values_of(expand([f"--flagfile=mt10_mixed/{name}.flags"]))
    if not ingredient:
        return values, None
    return values | INGREDIENTS.get(ingredient, {}), values | WITHOUT.get(ingredient, {})


def measure(cell: Row, options: Options) -> dict[str, float | None]:
    """The figures of one row."""
    values, without = settings_of(cell.row)
    spec = spec_of("mt10")
    method = build(values["method"], values, spec)
    figures = update.compare(method, spec, options)
    own_ms = matmul_floor.milliseconds(method, spec, options)
    wrapped = values.get(f"{values['method']}.base")
    base = build(values["method"], without, spec) if without else build(wrapped, values, spec) if wrapped else None
    over_base = _over(method, base, spec, options) if base else None
    return figures | {"own_ms": own_ms, "own_ratio": figures["update_ms"] / own_ms, "over_base": over_base}


def _over(method: Method, base: Method, spec: Spec, options: Options) -> float:
    """The time of one method's update over another's."""
    subjects = [update.prepare(each, spec, options, seeds=1) for each in (method, base)]
    seconds = update.in_turns([update.stepper(subject) for subject in subjects], options)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])
