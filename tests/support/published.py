"""What the tests of published figures share: rows of runs in results/, as the pages print their numbers."""

import functools
import pathlib

from cmta_jax.results.grouping import gather
from cmta_jax.results.reading import find_runs, read_run
from cmta_jax.results.statistics import bootstrap_interval, interquartile_mean
from experiments.reporting.comparison import compare
from experiments.reporting.names import row_name

ROOT = pathlib.Path(__file__).parents[2]


@functools.cache
def groups_of(*folders):
    patterns = [str(ROOT / "results" / folder) for folder in folders]
    return gather([read_run(path) for path in find_runs(patterns)], row_name, 10**9)


def interval(row):
    return f"{row.ahead_by:+.1f} [{row.ahead_low:+.1f}, {row.ahead_high:+.1f}]" if row.pairs else "-"


def steps(row):
    return f"{row.steps_to_solve:,.0f} ({row.solved_seeds} of {row.seeds})" if row.solved_seeds else "never"


def row_of_results(row, final):
    """A row of the tables of docs/results.md; `final` `[S, N]` is the success of its last policies."""
    low, high = bootstrap_interval(final)
    iqm = 100 * interquartile_mean(final)
    cells = [f"{row.final:.1f}", f"{iqm:.1f} [{100 * low:.1f}, {100 * high:.1f}]", f"{row.last_five:.1f}"]
    line = [row.agent, str(row.seeds), *cells, steps(row), f"{row.kept:.1f}", interval(row), row.answer or "-"]
    return f"| {' | '.join(line)} |"


def two_rows(page, base, *folders):
    """The row of that name and the one beside it, and the text of a page on one line."""
    [comparison] = compare(groups_of(*folders), base)
    [other] = [row for row in comparison.rows if row.agent != base]
    return *(row for row in comparison.rows if row.agent == base), other, " ".join((ROOT / page).read_text().split())
