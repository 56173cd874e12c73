"""The benchmark suite `gpu_program`: what a GPU would be given to do, read from the compiled programs. Nothing is run.

A run's three programs (`learn`: a batch, an update and its check; `observe`: what happened is stored, the next actions;
`act`: actions of an evaluation) are compiled for `--target`, which need not be there (`pip install 'jax[cuda12]'`).
The table has, for each of them, launches, the bytes that they read and write, the FLOPs of matrix products, the memory
for intermediate results, and milliseconds: of the bytes at the bandwidth of the data sheet, of the FLOPs at its peak,
and `bound_ms`, the sum over launches of the longest of bytes, FLOPs and 1.5 microseconds. That is arithmetic on the
program: what is read again from the cache costs less, what is not tuned costs more.
"""

import collections
import functools
import itertools
from typing import Any, NamedTuple

from cmta_jax.config import TrainingConfig
from experiments.benchmarks import gpu_target, hlo_launches, hlo_text
from experiments.benchmarks.gpu_target import Target
from experiments.benchmarks.grid import Cell, combinations, method_of, sweep
from experiments.benchmarks.hlo_launches import Launch
from experiments.benchmarks.options import Options

COLUMNS = ("launches", "gbyte", "gflop", "temporary_mib", "bytes_ms", "flops_ms", "bound_ms")
PROGRAMS = ("learn", "observe", "act")
SHOWN = 10  # most expensive launches


class Row(NamedTuple):
    """One program of one combination."""

    method: str
    benchmark: str
    seeds: int
    program: str


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Compiles every combination asked for; see `sweep`.

    Raises:
        ValueError: JAX's CUDA plugin is not installed.
    """
    target = gpu_target.TARGETS[options.target]
    devices = gpu_target.devices_of(target)
    rows = [Row(*cell, program) for cell in combinations(options) for program in PROGRAMS]
    print(f"Compiled for {target.name}; nothing is run, and every figure is arithmetic on the program.")
    lowered = functools.cache(lambda cell: _programs(cell, options, devices))

    def measure(row: Row, options: Options) -> dict[str, Any]:
        program = lowered(Cell(*row[:3]))[row.program]
        return figures(gpu_target.compiled(program), target, options.matmul_precision)

    found = sweep(json_path, options, COLUMNS, measure, rows, device=target.name)
    for row in found["rows"]:
        print_details(row)
    return found


def _programs(cell: Cell, options: Options, devices: list[Any]) -> dict[str, gpu_target.Lowerable]:
    method, spec = method_of(cell, options)
    config = TrainingConfig(num_seeds=cell.seeds, matmul_precision=options.matmul_precision)
    return gpu_target.programs(method, spec, config, options.batch_per_task, devices)


def figures(executable: Any, target: Target, precision: str) -> dict[str, Any]:
    """What a compiled program does, in numbers.

    Args:
        executable: compiled for `target`.
        target: whose data sheet is used.
        precision: what matrix products round their inputs to.
    """
    launches = hlo_launches.launches(hlo_text.parse(executable.as_text()))
    memory = executable.memory_analysis()
    kinds = collections.Counter(dict.fromkeys(sorted({one.kind for one in launches}), 0))
    kinds.update(itertools.chain.from_iterable([one.kind] * one.times for one in launches))
    dearest = sorted(launches, key=lambda one: -_seconds(one, target, precision) * one.times)[:SHOWN]
    moved = sum(one.times * (one.bytes_read + one.bytes_written) for one in launches)
    flops = sum(one.times * one.flops for one in launches)
    return {
        "launches": sum(kinds.values()),
        "gbyte": moved / 1e9,
        "gbyte_read": sum(one.times * one.bytes_read for one in launches) / 1e9,
        "gflop": flops / 1e9,
        "temporary_mib": memory.temp_size_in_bytes / 2**20,
        "argument_mib": memory.argument_size_in_bytes / 2**20,
        "bytes_ms": 1e3 * moved / target.bandwidth,
        "flops_ms": 1e3 * sum(one.times * _product_seconds(one, target, precision) for one in launches),
        "bound_ms": 1e3 * sum(one.times * _seconds(one, target, precision) for one in launches),
        "launches_by_kind": dict(kinds.most_common()),
        "most_expensive": [one._asdict() | {"ms": 1e3 * _seconds(one, target, precision)} for one in dearest],
    }


def _seconds(launch: Launch, target: Target, precision: str) -> float:
    """The least that a launch takes."""
    moved = launch.bytes_read + launch.bytes_written
    return max(gpu_target.KERNEL_SECONDS, moved / target.bandwidth, _product_seconds(launch, target, precision))


def _product_seconds(launch: Launch, target: Target, precision: str) -> float:
    narrow = launch.narrow_flops
    return narrow / target.flops["bfloat16"] + (launch.flops - narrow) / target.flops[precision]


def print_details(row: dict[str, Any]) -> None:
    """Prints the launches of a program by kind, and the most expensive ones."""
    kinds = ", ".join(f"{number} {kind}" for kind, number in row["launches_by_kind"].items())
    print(f"\n{row['program']} of {row['method']}, {row['benchmark']}, seeds: {row['seeds']}. Launches: {kinds}")
    print(f"{'us':>8}{'MB':>9}{'GFLOP':>8}  most expensive")
    for one in row["most_expensive"]:
        moved = (one["bytes_read"] + one["bytes_written"]) / 1e6
        times = f"{one['times']} x " if one["times"] > 1 else ""
        print(f"{1e3 * one['ms']:8.1f}{moved:9.2f}{one['flops'] / 1e9:8.2f}  {times}{one['kind']}: {one['source']}")
