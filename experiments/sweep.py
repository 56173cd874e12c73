"""Trains the rows of a table, one run folder for each cell and group of seeds.

    python -m experiments.sweep --rows=table_1 --benchmarks=mt10_mixed --seeds=0-7 --out=runs/table_1
        [--flagfile=small.flags] [-- --any_flag=for_every_run]

The same command goes on after a stop, a crash or a failure: finished runs are skipped, others resume. Ctrl-C and
SIGTERM stop all runs; they save themselves.

Exit status: 0 all runs are finished; 1 a run failed; 2 the sweep could not start as asked; 128 + the number of a
signal that stopped it.
"""

import functools
import pathlib
import shlex
import sys
from collections.abc import Sequence

from absl import flags

from cmta_jax.storage.lock import FolderInUse, FolderLock
from experiments.command_line.commands import run_command
from experiments.reporting.text_table import text_table
from experiments.sweeps.cells import SweepRun, finished, list_runs, status_rows
from experiments.sweeps.local import RUN, LocalLauncher
from experiments.sweeps.rows import find_cells, seed_groups
from experiments.sweeps.schedule import run_all
from experiments.training_run.signals import Stop, Stopped

LAUNCHERS = {"local": LocalLauncher}


def _flags() -> flags.FlagValues:
    values = flags.FlagValues()
    define = functools.partial(flags.DEFINE_integer, lower_bound=1, flag_values=values)
    rows = "tables (table_1), their rows (CARE + CL) or shipped flagfiles (care_cl), separated by commas"
    flags.DEFINE_list("rows", [], rows, flag_values=values)
    flags.DEFINE_list("benchmarks", [], "mt10_fixed, mt10_mixed, mt50_fixed, mt50_mixed", flag_values=values)
    flags.DEFINE_string("seeds", "0", "as 0-7 or 0,2,5-6", flag_values=values)
    flags.DEFINE_string("out", "", "folder of the sweep; made if missing", flag_values=values)
    flags.DEFINE_string("launcher", "local", "where runs are started: local (this machine)", flag_values=values)
    define("jobs", 1, "runs at a time; the cores are divided between them")
    define("seeds_per_run", 1, "consecutive seeds that train in one program")
    define("tries", 2, "how often this command starts a run that fails")
    flags.DEFINE_boolean("print", False, "print the commands and start nothing", flag_values=values)
    flags.DEFINE_boolean("status", False, "print a table of the runs in --out and start nothing", flag_values=values)
    return values


def main(arguments: Sequence[str], program: Sequence[str] = RUN) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name.
        program: the command that trains one run, without its flags.
    """
    own, shared = _divide(arguments)
    try:
        with Stop() as stop:
            action = functools.partial(_sweep, shared=shared, program=program, stop=stop)
            return run_command("sweep", __doc__, _flags(), own, action)
    except Stopped as stopped:
        print("Stopped; nothing was started.", file=sys.stderr)
        return stopped.status


def _divide(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The sweep's own flags; those of every run, which are the flagfiles and what comes after `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own, shared = arguments[:end], [*arguments[end + 1 :]]
    flagfiles = [text for text in own if text.startswith("--flagfile=")]
    return [text for text in own if text not in flagfiles], [*flagfiles, *shared]


def _sweep(values: flags.FlagValues, *, shared: Sequence[str], program: Sequence[str], stop: Stop) -> int:
    """Does what the command line asks for; returns the exit status."""
    if not values.out:
        raise ValueError("A sweep needs a folder: give --out, as in --out=runs/table_1.")
    out = pathlib.Path(values.out).expanduser()
    if values.status:
        print("\n".join(text_table([("run", "state", "step", "success"), *status_rows(out)])))
        return 0
    if values.launcher not in LAUNCHERS:
        raise ValueError(f"--launcher={values.launcher} is unknown: give {', '.join(LAUNCHERS)}.")
    launcher = LAUNCHERS[values.launcher](values.jobs, program)
    cells, groups = find_cells(values.rows, values.benchmarks), seed_groups(values.seeds, values.seeds_per_run)
    runs = list_runs(out, cells, groups, shared)
    if values.print:
        _print(runs)
        return 0
    try:
        lock = FolderLock(out)
    except FolderInUse:
        raise ValueError(f"Another sweep is running in {out}: end it, or give another --out.") from None
    try:
        stop.patient = True  # from here on a signal stops the runs
        return run_all(runs, launcher, values.tries, stop=stop, say=_say)
    finally:
        lock.close()


def _print(runs: Sequence[SweepRun]) -> None:
    for run in runs:
        command = shlex.join(["python", "-m", "experiments.run", *run.arguments()])
        print(f"# finished: {run.name}" if finished(run.folder) else command)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
