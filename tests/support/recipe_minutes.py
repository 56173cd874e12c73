"""Times an iteration of each run of `results/recipe` on this machine, for the wall-clock in docs/learning.md.

PYTHONPATH=. taskset -c 0 python tests/support/recipe_minutes.py results/recipe/iteration_ms.csv

Each takes half a minute on an otherwise idle core; evaluations and checkpoints are left out.
"""

import csv
import pathlib
import sys

from experiments.command_line.parse import parse
from experiments.sweeps.hours import iteration_seconds

RECIPE = pathlib.Path(__file__).parents[2] / "results/recipe"
COLUMNS = ("run", "iteration_ms")


def main(path: str) -> None:
    """Writes a row for each run to a CSV file."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for flags in sorted(RECIPE.glob("*/flags.flags")):
            settings = parse([f"--flagfile={flags}"])
            writer.writerow([flags.parent.name, f"{1e3 * iteration_seconds(settings):.2f}"])
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1])
