"""What a person sees of a sweep: a table that is drawn anew on a terminal, and a line for each event."""

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import rich.console
import rich.live
import rich.table

from cmta_jax.tracking.progress import duration
from experiments.sweeps.folders import SweepRun, name_of, progress_of, state_of

HEADER = ("run", "state", "step", "success", "time left")
ORDER = ("running", "failed", "queued", "unfinished", "waiting", "finished")  # from top to bottom
COLOURS = {"running": "green", "failed": "red", "finished": "dim"}
REFRESH = 2.0  # seconds between looks at the folders

Row = tuple[str, str, str, str, str]
Show = Callable[[Mapping[SweepRun, str]], None]


def status_rows(folders: Sequence[pathlib.Path], states: Mapping[pathlib.Path, str] = {}) -> list[Row]:
    """One row of the table for each run folder.

    Args:
        folders: of the runs.
        states: of those that are neither running nor finished, where the sweep knows more than the folder tells.
    """
    rows: list[Row] = []
    for folder in folders:
        state, progress = state_of(folder), progress_of(folder)
        state = state if state in ("running", "finished") else states.get(folder, state)
        left = "-" if progress.seconds_left is None or state == "finished" else duration(progress.seconds_left)
        rows.append((name_of(folder), state, progress.step, progress.success, left))
    return rows


def folders_in(out: pathlib.Path) -> list[pathlib.Path]:
    """The run folders of a sweep, those that have not begun included.

    Raises:
        ValueError: there are none.
    """
    logs = {path.with_suffix("") for path in out.glob("*/*/seeds_*.log")}
    folders = logs | {path for path in out.glob("*/*/seeds_*") if path.is_dir()}
    if not folders:
        raise ValueError(f"{out} holds no runs of a sweep: give the --out of one.")
    return sorted(folders)


@contextlib.contextmanager
def watch(runs: Sequence[SweepRun]) -> Iterator[tuple[Callable[[str], None], Show]]:
    """Gives `say` and `show`: on a terminal lines are printed above the live table, on a pipe there are lines only."""
    console = rich.console.Console(highlight=False)
    if not console.is_terminal:
        yield lambda line: print(line, flush=True), lambda states: None
        return
    began, looked = time.monotonic(), float("-inf")

    def show(states: Mapping[SweepRun, str]) -> None:
        nonlocal looked
        if time.monotonic() - looked >= REFRESH:
            looked = time.monotonic()
            rows = status_rows([run.folder for run in runs], {run.folder: state for run, state in states.items()})
            live.update(table(rows, console.height - 6, time.monotonic() - began), refresh=True)

    with rich.live.Live(console=console, auto_refresh=False) as live:
        yield lambda line: console.print(line, markup=False), show
        looked = float("-inf")
        show({})


def table(rows: Sequence[Row], height: int, seconds: float) -> rich.console.Group:
    """The rows that fit, what runs first; below it how many runs are in each state.

    Args:
        rows: of `status_rows`.
        height: lines that there is room for.
        seconds: since the sweep began.
    """
    counts = {state: sum(row[1] == state for row in rows) for state in ORDER}
    total = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    drawn = rich.table.Table()
    for name in HEADER:
        drawn.add_column(name, justify="left" if name in HEADER[:2] else "right", no_wrap=True)
    ordered = sorted(rows, key=lambda row: ORDER.index(row[1]))
    shown = ordered if len(ordered) <= height else ordered[: max(1, height - 1)]
    for row in shown:
        drawn.add_row(*row, style=COLOURS.get(row[1], ""))
    if len(shown) < len(ordered):
        drawn.add_row(f"and {len(ordered) - len(shown)} more")
    return rich.console.Group(drawn, f"{total}; {duration(seconds)} since the start")
