"""Trains the rows of a table, one run folder for each cell and group of seeds.

    python -m experiments.sweep --rows=table_1 --benchmarks=mt10_mixed --seeds=0-7 --out=runs/table_1
        [--flagfile=small.flags] [-- --any_flag=for_every_run]

The same command goes on after a stop, a crash or a failure: finished runs are skipped, others resume. Ctrl-C and
SIGTERM stop all runs; they save themselves. At the end the report of all runs is in --out.

Exit status: 0 all runs are finished; 1 a run failed; 2 the sweep could not start as asked; 128 + the number of a
signal that stopped it.
"""

import functools
import importlib
import pathlib
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from cmta_jax.storage.lock import FolderLock
from cmta_jax.storage.run_folder import FLAGS
from experiments.command_line.commands import path_of, run_command, sentence
from experiments.reporting.text_table import text_table
from experiments.sweeps import cores
from experiments.sweeps.cells import list_runs
from experiments.sweeps.folders import SweepRun, finished, in_use
from experiments.sweeps.job import RUN
from experiments.sweeps.launcher import Launcher, Request
from experiments.sweeps.rows import find_cells, seed_groups
from experiments.sweeps.schedule import run_all
from experiments.sweeps.view import HEADER, folders_in, status_rows, watch
from experiments.training_run.signals import Stop, Stopped

LAUNCHERS = {
    "local": ("local", "LocalLauncher"),
    "ray": ("ray_cluster", "RayLauncher"),
    "slurm": ("slurm", "SlurmLauncher"),
}


def _flags() -> flags.FlagValues:
    values = flags.FlagValues()
    text = functools.partial(flags.DEFINE_string, flag_values=values)
    number = functools.partial(flags.DEFINE_integer, lower_bound=1, flag_values=values)
    switch = functools.partial(flags.DEFINE_boolean, default=False, flag_values=values)
    rows = "tables (table_1), their rows (CARE + CL) or shipped flagfiles (care_cl), separated by commas"
    flags.DEFINE_list("rows", [], rows, flag_values=values)
    flags.DEFINE_list("benchmarks", [], "mt10_fixed, mt10_mixed, mt50_fixed, mt50_mixed", flag_values=values)
    text("seeds", "0", "as 0-7 or 0,2,5-6")
    text("out", "", "folder of the sweep; made if missing")
    number("seeds_per_run", 1, "consecutive seeds that train in one program")
    number("tries", 2, "how often this command starts a run that fails")
    text("launcher", "local", "where runs are started: local (this machine), ray or slurm")
    number("jobs", None, "runs at a time; by default 1 (local) or as many as fit (ray, slurm)")
    number("cpus", None, "cores of each run (ray, slurm; by default 1); local divides the cores between --jobs")
    flags.DEFINE_float("gpus", None, "GPUs of each run (ray: or a share of one)", 0.0, flag_values=values)
    text("ray_address", "", "of the Ray cluster, as 10.0.0.1:6379 or auto; by default one of this machine alone")
    flags.DEFINE_multi_string("slurm", [], "an option of sbatch, as partition=gpu (repeatable)", flag_values=values)
    switch("print", help="print the commands of the runs, then the hours that they will take, and start nothing")
    hours = "with --print: hours, from timing each program on this machine, a minute or more each"
    switch("predict", default=True, help=hours)
    switch("status", help="print a table of the runs in --out and start nothing")
    switch("report", help="write the report of the runs in --out and start nothing")
    return values


def main(arguments: Sequence[str], program: Sequence[str] = RUN) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name.
        program: the command that trains one run, after the name of Python, without the run's flags.
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
    out = path_of(values.out)
    if values.status:
        print("\n".join(text_table([HEADER, *status_rows(folders_in(out))])))
        return 0
    if values.report:
        return _report(folders_in(out), out)
    cells, groups = find_cells(values.rows, values.benchmarks), seed_groups(values.seeds, values.seeds_per_run)
    runs = list_runs(out, cells, groups, shared)
    if values.print:
        _print(runs)
        if values.predict:
            _print_hours(runs, values)
        return 0
    names = ("jobs", "cpus", "gpus", "tries", "ray_address", "slurm")
    asked: dict[str, Any] = {name: values[name].value for name in names}
    return _train(runs, Request(out, program=program, **asked), values.launcher, stop)


def _train(runs: Sequence[SweepRun], request: Request, launcher: str, stop: Stop) -> int:
    """Runs what is not finished, and writes the report; returns the exit status."""
    if in_use(request.out):
        raise ValueError(f"Another sweep is running in {request.out}: end it, or give another --out.")
    made = _launcher(launcher, request)
    lock = FolderLock(request.out)
    try:
        for run in runs:
            run.folder.mkdir(parents=True, exist_ok=True)  # --status shows that it is waiting
        with watch(runs) as (say, show):
            stop.patient = True  # from here on a signal stops the runs
            status = run_all(runs, made, request.tries, stop=stop, say=say, show=show)
        stop.patient = False
        if not stop.status:
            _report(folders_in(request.out), request.out)
        return status
    finally:
        lock.close()


def _launcher(name: str, request: Request) -> Launcher:
    """Raises ValueError if there is no such launcher, or what it needs is not there."""
    if name not in LAUNCHERS:
        raise ValueError(f"--launcher={name} is unknown: give {', '.join(LAUNCHERS)}.")
    module, launcher = LAUNCHERS[name]
    try:
        made = importlib.import_module(f"experiments.sweeps.{module}")
    except ModuleNotFoundError as error:
        raise ValueError(f"--launcher={name} needs {error.name}: pip install {error.name}.") from None
    return getattr(made, launcher)(request)


def _print(runs: Sequence[SweepRun]) -> None:
    """The commands as a shell script; what else is to be said are its comments."""
    for run in runs:
        command = shlex.join(["python", "-m", "experiments.run", *run.arguments()])
        print(f"# finished: {run.name}" if finished(run.folder) else command, flush=True)


def _print_hours(runs: Sequence[SweepRun], values: flags.FlagValues) -> None:
    """What is left of each run in hours, as soon as it is known, and of all of them."""
    left, jobs = [run for run in runs if not finished(run.folder)], values.jobs or 1
    if not left:
        return
    print("# timing each program on this machine, a minute or more each; --nopredict leaves it out", flush=True)
    from experiments.sweeps import hours  # the benchmark needs JAX's compiler and the simulators

    among = cores.usable_cores()
    own = cores.divide(among, jobs)[0] if values.launcher == "local" else among[: values.cpus or 1]
    total = 0.0
    for run, number in hours.predict(left, own):
        print(f"# {run.name}: {_rounded(number)} hours", flush=True)
        total += number
    together = f", about {_rounded(total / jobs)} with --jobs={jobs}" if jobs > 1 else ""
    print(f"# all: {_rounded(total)} hours one after another{together}")


def _rounded(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 10 else f"{hours:.2f}"


def _report(folders: Sequence[pathlib.Path], out: pathlib.Path) -> int:
    """Writes the report of the runs that have begun; returns 0, or 2 after one sentence on why there is none."""
    from experiments.report import write_report  # drawing takes a second to import

    begun = [str(folder) for folder in folders if (folder / FLAGS).is_file()]
    try:
        page = write_report(begun or [str(out)], out / "report")
    except ValueError as error:
        print(f"sweep: no report: {sentence(error)}", file=sys.stderr)
        return 2
    print(f"report: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
