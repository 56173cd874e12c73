"""Benchmarks: python -m experiments.benchmark --suite=update --json=update.json

Suites: `simulator` (what a step of Meta-World costs, and the pool), `update` (the jitted update against plain matrix
products), `methods` (the same for every row of the paper's tables), `train` (end-to-end iterations with and without
overlap), `memory` (what a run occupies), `checkpoint` (what a save and a resume cost).
Speeds are ratios of things measured side by side in one run.
"""

import importlib
import sys

from absl import flags

from cmta_jax.config import PRECISIONS
from experiments.benchmarks.options import Options
from experiments.command_line.commands import run_command

SUITES = ("simulator", "update", "methods", "train", "memory", "checkpoint")


def define_flags(values: flags.FlagValues) -> flags.FlagValues:
    """The benchmark's flags."""
    swept = "(suites update, train, memory, checkpoint)"
    flags.DEFINE_enum("suite", None, SUITES, "what to measure", flag_values=values)
    flags.DEFINE_string("json", None, "file to write the figures to", flag_values=values)
    flags.DEFINE_bool("quick", False, "fewer sizes and repetitions", flag_values=values)
    flags.DEFINE_list("method", ["cmta"], f"methods, or all {swept}", flag_values=values)
    flags.DEFINE_list("benchmark", ["mt10"], f"mt10, mt50 {swept}", flag_values=values)
    flags.DEFINE_list("num_seeds", ["1"], f"seeds in one program {swept}", flag_values=values)
    flags.DEFINE_integer("hidden_dim", 512, "width of actor and critics", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("batch_per_task", 128, "transitions per task in a batch", lower_bound=1, flag_values=values)
    help = "what matrix products round their inputs to (suites update, methods, train, memory)"
    flags.DEFINE_enum("matmul_precision", "float32", PRECISIONS, help, flag_values=values)
    help = "cores that the learner keeps to, the simulators keeping to the others; 0: all share all (suite train)"
    flags.DEFINE_integer("learner_cores", 0, help, lower_bound=0, flag_values=values)
    return values


def measure(values: flags.FlagValues) -> None:
    """Runs the suite that the flags name."""
    if values.suite is None:
        raise ValueError(f"name one of the suites, as in --suite=update; there are {', '.join(SUITES)}")
    for name in ("method", "benchmark", "num_seeds"):
        if not values[name].value:
            raise ValueError(f"--{name}= names nothing: give a value or leave the flag out")
    if not all(number.isdecimal() and int(number) for number in values.num_seeds):
        raise ValueError(f"--num_seeds={','.join(values.num_seeds)}: give numbers such as 1,4")
    options = Options(**{name: values[name].value for name in Options._fields})
    options = options._replace(num_seeds=[int(number) for number in options.num_seeds])
    importlib.import_module(f"experiments.benchmarks.{values.suite}").run(values.json, options)


def main(arguments: list[str] | None = None) -> int:
    """Runs one suite; returns the exit status."""
    values = define_flags(flags.FlagValues())
    return run_command("benchmark", __doc__, values, sys.argv[1:] if arguments is None else arguments, measure)


if __name__ == "__main__":
    sys.exit(main())
