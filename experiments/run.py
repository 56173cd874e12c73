"""Trains a method on a benchmark: python -m experiments.run --flagfile=quickstart.flags

Exit status: 0 the run is complete; 2 it could not start as asked; 1 it failed; 128 + the number of a signal (130 for
Ctrl-C, 143 for SIGTERM) if the signal stopped it: it has saved itself, and --resume continues it.
"""

from experiments.command_line import huge_pages, streams

if __name__ == "__main__":  # before JAX is imported
    streams.repair()
    huge_pages.restart()

import contextlib
import datetime
import logging
import math
import pathlib
import sys
from collections.abc import Iterator, Sequence

import jax

from cmta_jax.environments import Pool
from cmta_jax.environments.interface import PoolFactory
from cmta_jax.environments.pool import balancing
from cmta_jax.results.reading import NoEvaluation, read_run
from cmta_jax.runs.settings import Settings, as_flags
from cmta_jax.storage.run_folder import RunFolder
from cmta_jax.tracking.progress import Progress, Stopwatch
from cmta_jax.training.seed_axis import spread
from experiments.command_line.commands import EXPECTED, sentence, show, wants_full_help, wants_help
from experiments.command_line.help import help_text
from experiments.command_line.parse import parse
from experiments.training_run.recorders import recorders
from experiments.training_run.setup import Plan
from experiments.training_run.signals import Stop, Stopped
from experiments.training_run.training import learn
from experiments.training_run.training_session import Session

log = logging.getLogger("cmta_jax.run")  # run.log keeps what is logged under cmta_jax


def main(arguments: Sequence[str] | None = None, pool_class: PoolFactory = Pool) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name; by default those of the process.
        pool_class: makes the simulators, as `Pool` does.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    streams.repair()
    if wants_help(arguments):
        show(help_text(full=wants_full_help(arguments)))
        return 0
    try:
        with _warnings_on_the_console(), Stop() as stop:
            return _run(arguments, pool_class, stop)
    except (Stopped, KeyboardInterrupt) as stopped:
        print("Stopped; there was nothing to save.", file=sys.stderr)
        return getattr(stopped, "status", 130)


@contextlib.contextmanager
def _warnings_on_the_console() -> Iterator[None]:
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    logging.getLogger().addHandler(console)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(console)


def _run(arguments: Sequence[str], pool_class: PoolFactory, stop: Stop) -> int:
    """Parses, sets up, trains and concludes."""
    try:
        settings = parse(arguments)
        plan = Plan(settings, pool_class)
        folder = RunFolder(workdir_of(settings), as_flags(settings.values()), settings.run.resume)
    except EXPECTED as error:
        print(f"error: {sentence(error)}", file=sys.stderr)
        return 2
    with folder:
        try:
            return train(plan, folder, pool_class, stop)
        except EXPECTED as error:
            log.info("The run failed.", exc_info=True)
            again = "continue with --resume" if folder.has_results() else "start again"
            remedy = f"; repair that and {again}." if isinstance(error, OSError) else ""
            reason = str(error) if remedy else sentence(error)
            print(f"error: {reason}{remedy}", file=sys.stderr)
            return 1
        finally:
            folder.free_if_unused()


def train(plan: Plan, folder: RunFolder, pool_class: PoolFactory, stop: Stop) -> int:
    """The whole run in its folder; returns the exit status."""
    environment, workers = plan.settings.environment, plan.settings.run.env_workers
    stopwatch, lanes = Stopwatch(annotate=jax.profiler.TraceAnnotation), math.prod(plan.lanes)
    progress = Progress(plan.settings.training.steps_per_task, lanes, stopwatch)
    progress.say(f"run folder {folder.path}")
    count = balancing.count_workers(workers, lanes)
    devices = spread(len(plan.seeds)).devices.ravel()
    log.info("training on %d device(s): %s", len(devices), devices[0].device_kind)
    progress.say(f"starting {count} worker processes for {lanes} environments, drawing their goal sets")
    with pool_class(environment, plan.seeds, plan.copies, workers) as pool:
        with Session(plan, folder, pool, stopwatch) as session:
            progress.say("compiling")
            step, state = session.begin()
            with contextlib.closing(recorders(plan, folder, step, session.postponed, progress)) as listeners:
                state = learn(session, step, state, listeners, progress, stop)
        if stop.status:
            how = "stopped and saved" if session.saved else "stopped; the last checkpoint could not be saved"
            progress.say(f"{how}; continue with --workdir={folder.path} --resume")
            return stop.status
        stop.patient = False  # the checkpoint of the last step is on the disk
        progress.say("playing the final policy's episodes")
        session.finish(state)
    _conclude(folder, progress)
    return 0


def _conclude(folder: RunFolder, progress: Progress) -> None:
    """Prints the summary and draws success.png; whatever prevents it does not undo the run."""
    from experiments import first_look  # imports matplotlib, which takes a second

    try:
        run = read_run(folder.path)
        progress.say(first_look.summary(run))
        first_look.draw(run, folder.file("success.png"))
        progress.say(f"The curves are in {folder.file('success.png')}.")
    except NoEvaluation:
        progress.say("The run is complete; it was too short for an evaluation.")
    except EXPECTED as error:
        log.warning("The run is complete, but its summary is not: %s", sentence(error))


def workdir_of(settings: Settings) -> pathlib.Path:
    """`--workdir`, or a new folder under runs/ named after the time and the run."""
    run, tasks = settings.run, settings.run.benchmark
    if run.workdir:
        try:
            return pathlib.Path(run.workdir).expanduser()
        except RuntimeError:
            raise ValueError(f"--workdir={run.workdir} has no such home folder: give another.") from None
    if len(tasks) > 10:
        tasks = f"{len(settings.environment.tasks)}_tasks"
    name = f"{run.method}_{tasks}_{settings.environment.goals}_seed{settings.training.seed}"
    return pathlib.Path("runs") / f"{datetime.datetime.now():%Y-%m-%d_%H-%M-%S}_{name}"


if __name__ == "__main__":
    sys.exit(main())
