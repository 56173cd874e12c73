"""The benchmark suite `train`: end-to-end iterations of the real loop on real Meta-World, and what bounds them.

Measured in one run: the loop as it is; the same loop made serial (the simulators finish before the learner begins); the
learner alone (both device programs, no simulators); the simulators alone. `over_bound` is the time of an iteration over
the larger of the last two: 1 would be a perfect overlap. Goals are fixed, so that resets restore goal sets seen before,
as in all but the first minutes of a long run.
"""

import functools
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.config import TrainingConfig
from cmta_jax.environments import EnvironmentConfig, Pool
from cmta_jax.environments.interface import Step
from cmta_jax.training import loop
from cmta_jax.training.loop import Moment
from cmta_jax.training.one_seed import TrainState
from cmta_jax.training.program import Program, compile_program, seed_keys_of
from experiments.benchmarks import cores
from experiments.benchmarks.grid import Cell, method_of, sweep
from experiments.benchmarks.options import Options

COLUMNS = ("iteration_ms", "serial_ms", "learner_ms", "simulators_ms", "over_bound", "env_steps_per_s", "paper_run_h")
PAPER_STEPS = 2_400_000
SECONDS = 3.0  # that one of the four loops runs in a turn
QUICK_SECONDS = 1.0  # the same where a rough figure will do


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures every combination asked for, with the paper's replay shared by all seeds (a small one if `quick`).

    `paper_run_h` predicts the hours of 2.4 million steps per task, evaluations and checkpoints left out.
    """
    with cores.divided(options.learner_cores) as left:
        return sweep(json_path, options, COLUMNS, functools.partial(measure, simulator_cores=left))


def measure(cell: Cell, options: Options, simulator_cores: Sequence[int] = ()) -> dict[str, float]:
    """The figures of one row. The four loops take turns: a busy machine then disturbs all of them alike.

    Args:
        cell: the row.
        options: sizes and precision.
        simulator_cores: cores that the simulators use; by default all.
    """
    method, spec = method_of(cell, options)
    seeds, batch_per_task = cell.seeds, options.batch_per_task
    small = capacity(batch_per_task, spec.num_tasks)
    config = TrainingConfig(
        replay_capacity=small if options.quick else max(small, TrainingConfig().replay_capacity // seeds),
        warmup_steps=1,
        num_seeds=seeds,
        matmul_precision=options.matmul_precision,
    )
    environment = EnvironmentConfig(tasks=spec.task_names, goals="fixed")
    program = compile_program(method, spec, config, batch_per_task)
    with Pool(environment, range(seeds), workers=len(simulator_cores) or None) as pool:
        if simulator_cores:
            for pid in pool.worker_pids:
                os.sched_setaffinity(pid, simulator_cores)
        turns, seconds = (1, QUICK_SECONDS) if options.quick else (3, SECONDS)
        medians = loop_figures(program, pool, config, turns, seconds)
    rate = 1e3 / medians["iteration_ms"]
    return medians | {
        "over_bound": medians["iteration_ms"] / max(medians["learner_ms"], medians["simulators_ms"]),
        "iterations_per_s": rate,
        "env_steps_per_s": rate * spec.num_tasks * seeds,
        "paper_run_h": PAPER_STEPS / rate / 3600,
    }


def capacity(batch_per_task: int, num_tasks: int) -> int:
    """Transitions in a replay that is large enough to measure with."""
    return max(50_000, 4 * batch_per_task * num_tasks)


def loop_figures(
    program: Program, pool: Pool, config: TrainingConfig, turns: int, seconds: float = SECONDS
) -> dict[str, float]:
    """Milliseconds of an iteration as it is, made serial, of the learner alone and of the simulators alone.

    Args:
        program: of the run, with a warm-up of one step.
        pool: its simulators, with fixed goals.
        config: that the program was compiled for.
        turns: that are measured; the four take turns, after one in which everything is compiled.
        seconds: that one of the first three loops runs in a turn.
    """
    start = started(program, pool, config)
    action = np.asarray(start.rollout.action).reshape(pool.num_lanes, -1)
    pools = {"iteration": pool, "serial": Serial(pool), "learner": Still(_step(pool, action))}
    moment, times = Moment(0, start, {}), {way: [] for way in (*pools, "simulators")}
    for _ in range(1 + turns):
        for way, pool_of_way in pools.items():
            moments = loop.interact(program, pool_of_way, config, pool.config.horizon, moment.state, moment.step)
            moment, iteration = timed(moments, seconds)
            times[way].append(iteration)
        times["simulators"].append(_simulators_alone(pool, action))
    return {f"{way}_ms": 1e3 * statistics.median(found[1:]) for way, found in times.items()}


def started(program: Program, pool: Pool, config: TrainingConfig) -> TrainState:
    """The state at step 0."""
    lanes = config.num_seeds, len(pool.config.tasks), config.copies_per_task
    observation = pool.reset(0).reshape(*lanes, -1)
    return program.start(seed_keys_of(config), jnp.asarray(observation))


class Serial:
    """A pool that has finished its step before the learner begins."""

    def __init__(self, pool: Pool):
        self._pool = pool

    def send(self, action: np.ndarray) -> None:
        self._step = _step(self._pool, action)

    def receive(self) -> Step:
        return self._step


class Still:
    """A pool that costs nothing: every step is the same."""

    def __init__(self, step: Step):
        self._step = step

    def send(self, action: np.ndarray) -> None:
        pass

    def receive(self) -> Step:
        return self._step


def _step(pool: Pool, action: np.ndarray) -> Step:
    pool.send(action)
    return pool.receive()


def timed(moments: Iterator[Moment], seconds: float) -> tuple[Moment, float]:
    """Runs the loop for about `seconds`; the last moment, and the seconds per iteration."""
    moment = next(moments)
    jax.block_until_ready(moment.state)
    began, iterations = time.perf_counter(), 0
    while iterations < 3 or time.perf_counter() - began < seconds:
        moment = next(moments)
        iterations += 1
    jax.block_until_ready(moment.state)
    return moment, (time.perf_counter() - began) / iterations


def _simulators_alone(pool: Pool, action: np.ndarray) -> float:
    """Seconds per step of all lanes, over whole episodes (resets included)."""
    steps = pool.config.horizon
    began = time.perf_counter()
    for _ in range(steps):
        _step(pool, action)
    return (time.perf_counter() - began) / steps
