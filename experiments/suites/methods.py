"""The benchmark suite `methods`: what one update of each row of the paper's tables costs, at the paper's MT10 size.

A row is a flagfile of `flags/mt10_mixed`. Beside `update`'s yardstick (large matrix products of as many FLOPs) stands
`own_ms`: the method's own matrix products, alone, at the sizes they have; narrow ones are slower per FLOP. For TSAC,
`over_base` is its update over that of the method that it wraps, both in turns.
"""

import json
import pathlib
import statistics

import jax

from cmta_jax import methods
from cmta_jax.environments import MT10
from cmta_jax.types import Method, Spec
from experiments.command_line import values_of
from experiments.flagfiles import SHIPPED, expand
from experiments.suites import own_products, update
from experiments.suites.options import Options

COLUMNS = (*update.COLUMNS, "own_ms", "own_ratio", "over_base")
TARGET = 1.6  # no method's update may take more than this many times its matrix products


def run(json_path: str | None, options: Options) -> dict:
    """Measures every row, or with `--method` those that it names, printing each as soon as it is there.

    Returns:
        `{"device": ..., "rows": [...]}`, also written to `json_path` if one is given.
    """
    figures: dict = {"device": jax.devices()[0].device_kind, "target": TARGET, "rows": []}
    print(f"device: {figures['device']}\n{'row':40s}" + "".join(f"{name:>12s}" for name in COLUMNS))
    for row in rows(options):
        figures["rows"].append({"row": row} | measure(row, options))
        print(f"{row:40s}" + "".join(_cell(figures["rows"][-1][name]) for name in COLUMNS), flush=True)
    if json_path:
        pathlib.Path(json_path).write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def rows(options: Options) -> list[str]:
    """Names of flagfiles in `mt10_mixed`; all if the methods asked for are the default or `all`."""
    names = sorted(path.stem for path in (SHIPPED / "mt10_mixed").glob("*.flags"))
    asked = [name for name in options.method if name in names]
    return names if tuple(options.method) == Options().method or not asked else asked


def measure(row: str, options: Options) -> dict[str, float]:
    """The figures of one row."""
    values = values_of(expand([f"--flagfile=mt10_mixed/{row}.flags"]))
    spec = Spec(MT10, update.OBSERVATION_DIM, update.ACTION_DIM)
    method = methods.build(values["method"], values, spec)
    figures = update.compare(method, spec, options)
    own_ms = own_products.milliseconds(method, spec, options)
    base = values.get(f"{values['method']}.base")
    over_base = _over(method, methods.build(base, values, spec), spec, options) if base else None
    return figures | {"own_ms": own_ms, "own_ratio": figures["update_ms"] / own_ms, "over_base": over_base}


def _over(method: Method, base: Method, spec: Spec, options: Options) -> float:
    """The time of one method's update over another's."""
    subjects = [update.prepare(each, spec, options.batch_per_task, seeds=1) for each in (method, base)]
    seconds = update.in_turns([update.stepper(subject) for subject in subjects], options)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])


def _cell(value: float | None) -> str:
    return f"{value:12.2f}" if isinstance(value, float) else f"{'' if value is None else value:>12}"
