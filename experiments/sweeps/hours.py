"""How many hours the runs of a sweep will take on this machine, by the benchmark suite `train`."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence

from cmta_jax.config import TrainingConfig
from cmta_jax.environments import Pool
from cmta_jax.runs.settings import Settings
from cmta_jax.training.program import Program, compile_program
from experiments.benchmarks import train
from experiments.command_line.parse import parse
from experiments.sweeps.folders import SweepRun, progress_of


def predict(runs: Sequence[SweepRun], cores: Sequence[int]) -> Iterator[tuple[SweepRun, float]]:
    """Gives each run and the hours of what is left of it, evaluations and checkpoints left out.

    Every program of the runs is timed once.

    Args:
        runs: that are not finished.
        cores: of one run; this process keeps to them.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    times: dict[tuple[str, ...], float] = {}
    for run in runs:
        settings = parse(run.flags)
        same = tuple(flag for flag in run.flags if not flag.startswith(("--seed=", "--workdir=")))
        if same not in times:
            times[same] = iteration_seconds(settings)
        yield run, (settings.training.steps_per_task - _done(run)) * times[same] / 3600


def iteration_seconds(settings: Settings) -> float:
    """Seconds of one environment step of all tasks and seeds with its updates, as measured on this machine."""
    with ready(settings) as (program, pool, training):
        figures = train.loop_figures(program, pool, training, turns=1, seconds=train.QUICK_SECONDS)
    return figures["iteration_ms"] / 1e3


@contextlib.contextmanager
def ready(settings: Settings) -> Iterator[tuple[Program, Pool, TrainingConfig]]:
    """What the loop of a run needs to be timed: its program, its simulators with fixed goals, and a small replay."""
    spec, method = settings.build(Pool)
    batch, seeds = settings.method.batch_per_task, settings.training.num_seeds
    training = dataclasses.replace(
        settings.training, replay_capacity=train.capacity(batch, spec.num_tasks), warmup_steps=1, steps_per_task=10**9
    )
    program = compile_program(method, spec, training, batch, discount=settings.method.discount)
    environment = dataclasses.replace(settings.environment, goals="fixed")
    with Pool(environment, range(seeds), training.copies_per_task, settings.run.env_workers) as pool:
        yield program, pool, training


def _done(run: SweepRun) -> int:
    """Steps per task at the newest evaluation of a run that has begun."""
    step = progress_of(run.folder).step.partition("/")[0]
    return int(step) if step.isdecimal() else 0
