"""Trained policies by name: the method as in the paper's tables, tasks, seeds and step."""

from cmta_jax.results.protocol import Cell
from cmta_jax.runs.policy import Policy
from cmta_jax.runs.settings import as_flags
from cmta_jax.storage.flags_file import Flags
from experiments.reporting import cells, names


def title(policy: Policy) -> str:
    """The name of the method, as in the paper's tables."""
    return names.row_name(Flags(as_flags(policy.settings.values())))


def describe(policy: Policy) -> str:
    """One line: method, tasks, seeds, step."""
    flags, seeds = Flags(as_flags(policy.settings.values())), policy.seeds
    cell = Cell(flags.text("benchmark") or "unknown", flags.text("goals") or "unknown")
    shown = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{title(policy)}, {cells.title(cell)}, {shown}, step {policy.step:,}"
