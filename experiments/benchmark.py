"""Benchmarks: python -m experiments.benchmark --suite=update --json=update.json

Suites: `simulator` (what a step of Meta-World costs, and the pool), `update` (the jitted update against plain matrix
products), `methods` (the same for every row of the paper's tables), `train` (end-to-end iterations with and without
overlap), `memory` (what a run occupies).
Speeds are ratios of things measured side by side in one run.
"""

import importlib
import sys

from absl import flags

from experiments.suites.options import Options

SUITES = ("simulator", "update", "methods", "train", "memory")


def define_flags(values: flags.FlagValues) -> flags.FlagValues:
    """The benchmark's flags."""
    flags.DEFINE_enum("suite", None, SUITES, "what to measure", flag_values=values)
    flags.DEFINE_string("json", None, "file to write the figures to", flag_values=values)
    flags.DEFINE_bool("quick", False, "fewer sizes and repetitions", flag_values=values)
    flags.DEFINE_list("method", ["cmta"], "methods, or all (suites update, train, memory)", flag_values=values)
    flags.DEFINE_list("benchmark", ["mt10"], "mt10, mt50 (suites update, train, memory)", flag_values=values)
    flags.DEFINE_list("num_seeds", ["1"], "seeds in one program (suites update, train, memory)", flag_values=values)
    flags.DEFINE_integer("hidden_dim", 512, "width of actor and critics", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("batch_per_task", 128, "transitions per task in a batch", lower_bound=1, flag_values=values)
    values.mark_as_parsed()
    return values


def main(arguments: list[str] | None = None) -> int:
    """Runs one suite; returns the exit status."""
    values = flags.FlagValues()
    define_flags(values)
    try:
        rest = values(["benchmark", *(sys.argv[1:] if arguments is None else arguments)])[1:]
        if rest or values.suite is None:
            raise flags.Error(f"name one of the suites, as in --suite=update; there are {', '.join(SUITES)}")
        options = Options(**{name: values[name].value for name in Options._fields})
        options = options._replace(num_seeds=[int(number) for number in options.num_seeds])
    except (flags.Error, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    suite = importlib.import_module(f"experiments.suites.{values.suite}")
    suite.run(values.json, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
