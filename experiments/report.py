"""Tables and figures of the CMTA paper from run folders, our numbers beside the paper's.

    python -m experiments.report --runs 'runs/**' --out report/

writes report.html and report.md (all that was run, on one page; the first needs no other file), table_1, table_2 and
table_8 as .md and .tex, tables.csv, comparison.csv (how the rows learnt, and how far --against is ahead of each),
Figures 3, 4 and 6 as .png and .pdf, and the numbers behind them (per_seed.csv, curves.csv, rliable.json,
marl_eval.json). Further arguments are run folders, too.
A folder that cannot be read, or has no evaluation yet, is left out and named. Runs whose success rates do not mean the
same are refused, with the flag that differs.
"""

import os
import pathlib
import sys
import warnings
from collections.abc import Sequence

from absl import flags

from cmta_jax.results.grouping import gather
from cmta_jax.results.reading import NoEvaluation, Run, find_runs, read_run
from experiments.command_line.commands import path_of, run_command, sentence
from experiments.reporting import comparison, data, figures, formats, html, names, page, style, tables


def _flags() -> flags.FlagValues:
    values = flags.FlagValues()
    values.set_gnu_getopt()
    flags.DEFINE_multi_string(
        "runs", [], "run folders, or a pattern such as 'runs/**' (repeatable)", flag_values=values
    )
    flags.DEFINE_string("out", "report", "folder to write to; made if missing", flag_values=values)
    flags.DEFINE_string(
        "against", comparison.AGAINST, "the row that the others are compared with, seed by seed", flag_values=values
    )
    flags.DEFINE_list("may_differ", [], "flags that may differ between runs of one row", flag_values=values)
    return values


def main(arguments: Sequence[str]) -> int:
    """Writes the report that the command line asks for.

    Args:
        arguments: without the program's name.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """
    return run_command("report", __doc__, _flags(), arguments, _report, positional=True)


def _report(values: flags.FlagValues, *further: str) -> None:
    if not values.runs and not further:
        raise ValueError("No runs: give --runs, as in --runs 'runs/**'.")
    patterns = [os.path.expanduser(pattern) for pattern in (*values.runs, *further)]
    written = write_report(patterns, path_of(values.out), values.may_differ, values.against)
    print(f"report: {written}")


def write_report(
    patterns: Sequence[str], out: pathlib.Path, may_differ: Sequence[str] = (), against: str = comparison.AGAINST
) -> pathlib.Path:
    """Reads the run folders that the patterns name and writes tables, figures and data.

    Args:
        patterns: paths; `*` and `**` are understood.
        out: folder, made if missing; files of an earlier report are replaced.
        may_differ: flags that may differ between runs of one row.
        against: the row that the others are compared with.

    Returns:
        The path of report.md.

    Raises:
        ValueError: if no run can be read, or runs do not belong together.
    """
    runs, remarks = _read(patterns)
    groups = {limit: gather(runs, names.row_name, limit, may_differ) for limit in _limits()}
    everything = groups[max(groups)]
    filled = [tables.paper_table(table, groups[table["steps_per_task"]]) for table in tables.PAPER["tables"]]
    texts = {f"table_{table.number}.md": formats.markdown(table) for table in filled}
    texts |= {f"table_{table.number}.tex": formats.latex(table) for table in filled}
    compared = comparison.compare(everything, against)
    texts |= {"tables.csv": formats.comma_separated(filled), "comparison.csv": comparison.comma_separated(compared)}
    texts |= {"per_seed.csv": data.per_seed(everything), "curves.csv": data.curves(everything)}
    texts |= {"rliable.json": data.rliable_scores(everything), "marl_eval.json": data.marl_eval(everything)}
    out.mkdir(parents=True, exist_ok=True)
    with style.fonts():
        drawn = figures.all_figures(everything)
        for name, figure in drawn.items():
            figures.save(figure, out / name)
    shown = page.Page(filled, compared, tuple(drawn), remarks)
    texts |= {"report.md": page.markdown(shown), "report.html": html.page(shown, out)}
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return out / "report.md"


def _limits() -> list[int]:
    """Environment steps per task at which the paper's tables end."""
    return sorted({table["steps_per_task"] for table in tables.PAPER["tables"]})


def _read(patterns: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The runs that can be read, and remarks on the others and on unfinished files."""
    runs, remarks, faults = [], [], []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for folder in find_runs(patterns):
            try:
                runs.append(read_run(folder))
            except (ValueError, OSError) as error:
                remarks.append(f"Left out: {sentence(error)}")
                faults += [] if isinstance(error, NoEvaluation) else [error]
    remarks += [str(warning.message) for warning in caught]
    if not runs and faults:
        raise faults[0]
    for remark in remarks:
        print(f"report: {remark}", file=sys.stderr)
    if not runs:
        raise ValueError("None of the runs holds a complete evaluation yet: wait for the first, or give other runs.")
    return runs, remarks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
