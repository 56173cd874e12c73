"""Times an iteration of each run of `results/recipe` beside one of `none`, for the wall-clock in docs/learning.md.

PYTHONPATH=. taskset -c 0 python tests/support/recipe_minutes.py results/recipe/over_none.csv

The two take turns of a second each, so that other work on the machine slows both. Half a minute for each run;
evaluations and checkpoints are left out.
"""

import contextlib
import csv
import pathlib
import statistics
import sys
from collections.abc import Callable, Iterator

from cmta_jax.training import loop
from experiments.benchmarks import train
from experiments.command_line.parse import parse
from experiments.sweeps import hours

RECIPE = pathlib.Path(__file__).parents[2] / "results/recipe"
COLUMNS = ("run", "over_none")
TURNS = 7


def main(path: str) -> None:
    """Writes a row for each run to a CSV file."""
    with open(path, "w", newline="") as file, clock_of("none") as none:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name in sorted(flags.parent.name for flags in RECIPE.glob("*/flags.flags")):
            with clock_of(name) as row:
                ratios = [row() / none() for _ in range(TURNS)]
            writer.writerow([name, f"{statistics.median(ratios):.2f}"])
            file.flush()


@contextlib.contextmanager
def clock_of(name: str) -> Iterator[Callable[[], float]]:
    """A function that goes on with the run for a second and says how many seconds an iteration took."""
    with hours.ready(parse([f"--flagfile={RECIPE / name / 'flags.flags'}"])) as (program, pool, training):
        start = train.started(program, pool, training)
        moments = loop.interact(program, pool, training, pool.config.horizon, start)

        def clock() -> float:
            return train.timed(moments, train.QUICK_SECONDS)[1]

        clock()  # compiles
        yield clock


if __name__ == "__main__":
    main(sys.argv[1])
