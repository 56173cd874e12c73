"""Benchmarks: python -m experiments.benchmark --suite=update --json=update.json

Suites: `simulator` (the cost of a step of Meta-World, and the pool), `vector_env` (the Gymnasium vector environment
beside Meta-World's own), `update` (the jitted update against plain matrix products), `methods` (the same for every row
of the paper's tables), `train` (end-to-end iterations with and without overlap), `memory` (of a run), `checkpoint` (the
cost of a save and of a resume), `gpu_program` (what a GPU would be given to do; it need not be there),
`gpu_check` (the first ten minutes with a GPU).
Speeds are ratios of times that were measured in turns in one run.
"""

from experiments.command_line import huge_pages

if __name__ == "__main__":  # before JAX is imported
    huge_pages.restart()

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from cmta_jax.config import PRECISIONS
from experiments.benchmarks.options import Options
from experiments.command_line.commands import path_of, run_command

SUITES = ("simulator", "vector_env", "update", "methods", "train", "memory", "checkpoint", "gpu_program", "gpu_check")
TARGETS = ("h100", "h200", "a100")


def define_flags(values: flags.FlagValues) -> flags.FlagValues:
    """The benchmark's flags."""
    swept = "(suites update, train, memory, checkpoint, gpu_program)"
    flags.DEFINE_enum("suite", None, SUITES, "what to measure", flag_values=values)
    flags.DEFINE_string("json", None, "file to write the figures to", flag_values=values)
    flags.DEFINE_bool("quick", False, "fewer sizes and repetitions", flag_values=values)
    flags.DEFINE_list("method", ["cmta"], f"methods, or all {swept}", flag_values=values)
    flags.DEFINE_list("benchmark", ["mt10"], f"mt10, mt50 {swept[:-1]}, vector_env)", flag_values=values)
    flags.DEFINE_list("num_seeds", ["1"], f"seeds in one program {swept}", flag_values=values)
    flags.DEFINE_integer("hidden_dim", 512, "width of actor and critics", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("batch_per_task", 128, "transitions per task in a batch", lower_bound=1, flag_values=values)
    help = "precision that matrix products round their inputs to (suites update, methods, train, memory, gpu_program)"
    flags.DEFINE_enum("matmul_precision", "float32", PRECISIONS, help, flag_values=values)
    help = "of the hidden layers of actor and critics (suites update, train, gpu_program)"
    flags.DEFINE_enum("activation_dtype", "float32", ("float32", "bfloat16"), help, flag_values=values)
    help = "cores of the learner alone, the simulators have the others; 0: all share all (suite train)"
    flags.DEFINE_integer("learner_cores", 0, help, lower_bound=0, flag_values=values)
    help = "GPU that programs are compiled for; none is needed (suite gpu_program)"
    flags.DEFINE_enum("target", "h100", TARGETS, help, flag_values=values)
    return values


def measure(values: flags.FlagValues) -> None:
    """Runs the suite that the flags name.

    Raises:
        ValueError: a flag's value is missing or impossible.
    """
    if values.suite is None:
        raise ValueError(f"name one of the suites, as in --suite=update; they are {', '.join(SUITES)}")
    for name in ("method", "benchmark", "num_seeds"):
        if not values[name].value:
            raise ValueError(f"--{name}= names nothing: give a value or leave the flag out")
    if not all(number.isdecimal() and int(number) for number in values.num_seeds):
        raise ValueError(f"--num_seeds={','.join(values.num_seeds)}: give numbers such as 1,4")
    asked: dict[str, Any] = {name: values[name].value for name in Options._fields}
    path = str(path_of(values.json)) if values.json else None
    asked["num_seeds"] = [int(number) for number in values.num_seeds]
    importlib.import_module(f"experiments.benchmarks.{values.suite}").run(path, Options(**asked))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one suite.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """
    values = define_flags(flags.FlagValues())
    return run_command("benchmark", __doc__, values, sys.argv[1:] if arguments is None else arguments, measure)


if __name__ == "__main__":
    sys.exit(main())
