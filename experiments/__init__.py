"""Programs around cmta_jax: flags and wiring, nothing else."""

import sys

from experiments.command_line import huge_pages

if sys.argv[0] == "-m":  # Python is about to run one of them (python -m experiments.run), and has loaded nothing yet
    huge_pages.restart()
