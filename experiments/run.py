"""Trains a method on a benchmark: python -m experiments.run --flagfile=quickstart.flags

Exit status: 0 the run is complete; 2 it could not begin as asked; 1 it failed; 130 (Ctrl-C) or 143 (SIGTERM) it was
stopped, has saved itself, and goes on with --resume.
"""

import datetime
import logging
import math
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import psutil

from cmta_jax.checkpoint import CheckpointError
from cmta_jax.environments import Pool
from cmta_jax.environments.pool import balancing
from cmta_jax.environments.pool.faults import TooManyFaults
from cmta_jax.results.reading import NoEvaluation, read_run
from cmta_jax.storage.run_folder import RunFolder
from cmta_jax.tracking.csv_files import CsvWriter
from cmta_jax.tracking.listeners import Listener, Several
from cmta_jax.tracking.progress import Progress, Stopwatch
from cmta_jax.tracking.run_costs import WithCosts
from cmta_jax.tracking.tensorboard import TensorBoardWriter
from cmta_jax.tracking.wandb import WandbWriter
from cmta_jax.training.loop import Moment
from cmta_jax.training.program import TrainState
from experiments import first_look
from experiments.command_line import settings
from experiments.command_line.parse import parse
from experiments.command_line.settings import Settings
from experiments.training_run.divergence_report import NumericalTrouble
from experiments.training_run.profiling import traced
from experiments.training_run.setup import Plan
from experiments.training_run.signals import Stop, Stopped
from experiments.training_run.training_session import Session


def main(arguments: Sequence[str] | None = None, pool_class: Any = Pool) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: without the program's name; by default those of the process.
        pool_class: makes the simulators, as `Pool` does.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"--help", "-h", "--helpfull"} & {*arguments}:
        print(settings.help_text())
        return 0
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    logging.getLogger().addHandler(console)
    try:
        with Stop() as stop:
            return _run(arguments, pool_class, stop)
    except (Stopped, KeyboardInterrupt) as stopped:
        print("Stopped; nothing was left to save.", file=sys.stderr)
        return getattr(stopped, "status", 130)
    finally:
        logging.getLogger().removeHandler(console)


def _run(arguments: Sequence[str], pool_class: Any, stop: Stop) -> int:
    try:
        asked = parse(arguments)
        plan = Plan(asked, pool_class)
        folder = RunFolder(workdir_of(asked), settings.as_flags(asked.values()), asked.run.resume)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with folder:
        try:
            return train(plan, folder, pool_class, stop)
        except (TooManyFaults, CheckpointError, NumericalTrouble) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            print(f"error: {error}; mend that and give --resume.", file=sys.stderr)
            return 1


def train(plan: Plan, folder: RunFolder, pool_class: Any, stop: Stop) -> int:
    """The whole run in its folder; returns the exit status."""
    environment, workers = plan.settings.environment, plan.settings.run.env_workers
    stopwatch, lanes = Stopwatch(annotate=jax.profiler.TraceAnnotation), math.prod(plan.lanes)
    progress = Progress(plan.settings.training.steps_per_task, lanes, stopwatch)
    progress.say(f"run folder {folder.path}")
    count = balancing.count_workers(workers, lanes)
    progress.say(f"starting {count} worker processes for {lanes} environments, drawing their goal sets")
    with pool_class(environment, plan.seeds, plan.copies, workers) as pool:
        with Session(plan, folder, pool, stopwatch) as session:
            progress.say("compiling")
            step, state = session.begin()
            listeners = Several(*_recorders(plan, folder, step, session.postponed), progress)
            try:
                state = learn(session, step, state, listeners, progress, stop)
            finally:
                listeners.close()
        if stop.status:
            how = "stopped and saved" if session.saved else "stopped; the last checkpoint could not be saved"
            progress.say(f"{how}; go on with --workdir={folder.path} --resume")
            return stop.status
        stop.patient = False  # the checkpoint of the last step is on the disk
        progress.say("playing the final policy's episodes")
        session.finish(state)
    return _conclude(folder, progress)


def learn(
    session: Session, step: int, state: TrainState, listeners: Listener, progress: Progress, stop: Stop
) -> TrainState:
    """Takes the loop to its end, or to where a signal stops it, and saves there; returns the state."""
    config = session.plan.settings.training
    progress.say(f"step {step}: {'warming up' if step < config.warmup_steps else 'compiling the update'}")
    progress.begin(step)
    stop.patient, updated = True, False
    if session.postponed:
        _evaluate(session, Moment(step, state, {}), listeners, stop)
        listeners.sync()
        session.save(Moment(step, state, {}), wait=True)
    moments = session.moments(step, state)
    if session.plan.settings.run.profile:
        moments = traced(moments, session.folder.file("profile"))
    for moment in moments:
        step, state = moment.step, moment.state
        progress.advance(step)
        if step == config.warmup_steps:
            progress.say(f"step {step}: compiling the update")
        if moment.metrics and not updated:
            updated = bool(jax.block_until_ready(moment.metrics))
            seconds = time.time() - psutil.Process().create_time()
            progress.say(f"step {step}: first update, {seconds:.0f} s after the start")
            progress.mark(step)
        if moment.metrics and step % config.log_every == 0:
            session.check(moment)
            listeners.metrics(step, jax.tree.map(np.asarray, moment.metrics))
        if step % config.eval_every == 0:
            _evaluate(session, moment, listeners, stop)
        stopping = bool(stop.status)
        last = stopping or step == config.steps_per_task
        if last or step % config.checkpoint_every == 0:
            listeners.sync()
            session.save(moment, wait=last)
        if stopping:
            break
    return state


def _evaluate(session: Session, moment: Moment, listeners: Listener, stop: Stop) -> None:
    result = session.evaluate(moment, lambda: bool(stop.status))
    if result is not None:
        listeners.evaluation(moment.step, result.mean_success(), result.mean_return())


def _recorders(plan: Plan, folder: RunFolder, step: int, postponed: bool) -> tuple[Listener, ...]:
    live = [TensorBoardWriter(folder.file("tensorboard"), plan.seeds, plan.tasks, step)]
    if plan.settings.run.wandb:
        flags = settings.as_flags(plan.settings.values())
        live.append(WandbWriter(folder.path, plan.seeds, plan.tasks, flags))
    return (
        CsvWriter(folder.path, plan.seeds, plan.tasks, step, step - postponed),
        WithCosts(Several(*live), len(plan.seeds), math.prod(plan.lanes)),
    )


def _conclude(folder: RunFolder, progress: Progress) -> int:
    """The summary and the picture."""
    try:
        run = read_run(folder.path)
    except NoEvaluation:
        progress.say("The run is complete; it was too short for an evaluation.")
        return 0
    first_look.draw(run, folder.file("success.png"))
    progress.say(first_look.summary(run))
    progress.say(f"The curves are in {folder.file('success.png')}.")
    return 0


def workdir_of(asked: Settings) -> pathlib.Path:
    """`--workdir`, or a new folder under runs/ named after the time and the run."""
    if asked.run.workdir:
        return pathlib.Path(asked.run.workdir).expanduser()
    tasks = asked.run.benchmark if len(asked.run.benchmark) <= 10 else f"{len(asked.environment.tasks)}_tasks"
    name = f"{asked.run.method}_{tasks}_{asked.environment.goals}_seed{asked.training.seed}"
    return pathlib.Path("runs") / f"{datetime.datetime.now():%Y-%m-%d_%H-%M-%S}_{name}"


if __name__ == "__main__":
    sys.exit(main())
