"""All environments of a benchmark at once: gymnasium's vector environments and the pool in turns, in wall time."""

import concurrent.futures
import contextlib
import functools
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import metaworld
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from cmta_jax.environments import EnvironmentConfig, Pool
from cmta_jax.environments.goals import vectors
from cmta_jax.environments.interface import Step
from cmta_jax.environments.pool import balancing, resources
from cmta_jax.environments.simulator.fast import FastSimulator

HORIZON = 150
_TURN = 4.0  # seconds

Share = tuple[Sequence[int], concurrent.futures.Executor]  # lanes, and the process that steps them


def measure(tasks: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Throughput, round trip, start-up and memory; with eight usable cores or more, scaling over workers too."""
    figures: dict[str, Any] = dict(_start(tasks))
    config = EnvironmentConfig(tasks, horizon=HORIZON)
    with Pool(config, seeds=[0]) as pool:
        _visit_all_goal_sets(pool)
        figures |= {"round_trip_us": _round_trip_us(pool), "pool_workers": len(pool.worker_pids)}
        rates = _contest(pool, tasks, rounds)
    figures["pool_steps_per_s"] = {name: max(of_rounds) for name, of_rounds in rates.items()}
    figures["pool_steps_per_s_median"] = {name: float(np.median(of_rounds)) for name, of_rounds in rates.items()}
    return figures | {"scaling": _scaling(tasks) if resources.usable_cores() >= 8 else {}}


def _visit_all_goal_sets(pool: Pool) -> None:
    """Only the first reset to a goal set is simulated; most of the 16,000 episodes of a run reset to a known one."""
    for goal_set in range(pool.num_goal_sets):
        pool.reset(goal_sets=np.full(pool.num_lanes, goal_set))
    pool.reset()


def _contest(pool: Pool, tasks: tuple[str, ...], rounds: int) -> dict[str, list[float]]:
    """Environment steps per second, resets included, of all contestants, which take turns of a few seconds."""
    makers = _environment_makers(pool, tasks)
    generator = np.random.default_rng(0)
    with contextlib.ExitStack() as stack:
        async_env, sync_env = gymnasium.vector.AsyncVectorEnv(makers), gymnasium.vector.SyncVectorEnv(makers)
        for environment in (async_env, sync_env):
            stack.callback(environment.close)
            environment.reset()
        contestants = {
            "async_vector_env": functools.partial(_rate, async_env.step),
            "sync_vector_env": functools.partial(_rate, sync_env.step),
            "pool": functools.partial(_rate, functools.partial(_pool_step, pool)),
            "alone": functools.partial(_rate_alone, _start_alone(tasks, len(pool.worker_pids), stack)),
        }
        rates = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, rate in contestants.items():
                rates[name].append(rate(generator.uniform(-1, 1, (HORIZON, len(tasks), 4)).astype(np.float32)))
    return rates


def _rate(step: Callable[[np.ndarray], Any], actions: np.ndarray, begin: Callable[[], None] = lambda: None) -> float:
    """Steps per second, over and over along `actions` `[H, L, 4]` for some seconds; `begin` is called before each H."""
    began, steps = time.perf_counter(), 0
    while time.perf_counter() < began + _TURN:
        begin()
        for action in actions:
            step(action)
        steps += actions.shape[0] * actions.shape[1]
    return steps / (time.perf_counter() - began)


def _environment_makers(pool: Pool, tasks: tuple[str, ...]) -> list[Callable[[], gymnasium.Env]]:
    """Environments wrapped as `metaworld.make_mt_envs` does it, on the pool's goal sets."""
    makers = []
    for row, task in enumerate(tasks):
        dim = ALL_V3_ENVIRONMENTS[task]()._random_reset_space.low.size  # pyright: ignore[reportOptionalMemberAccess]
        goals = [vectors.as_task(task, vector[:dim]) for vector in pool.goal_vectors[0, row]]
        settings = {"env_cls": ALL_V3_ENVIRONMENTS[task], "tasks": goals, "seed": 0, "max_episode_steps": HORIZON}
        makers.append(functools.partial(metaworld._init_each_env, **settings))
    return makers


def _pool_step(pool: Pool, action: np.ndarray) -> Step:
    pool.send(action)
    return pool.receive()


def _round_trip_us(pool: Pool, repetitions: int = 2000) -> float:
    spent = []
    for _ in range(repetitions):
        began = time.perf_counter_ns()
        pool.ping()
        spent.append(time.perf_counter_ns() - began)
    return float(np.median(spent)) / 1e3


def _memory_gib(pids: list[int]) -> float:
    """Memory of all processes, each shared page counted once (the sum of proportional set sizes)."""
    lines = itertools.chain.from_iterable(Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() for pid in pids)
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 2**20


def _start(tasks: tuple[str, ...]) -> dict[str, float]:
    """A process that only has a pool: seconds from the command to the end of the first step; memory, GiB."""
    code = f"""
import numpy
from cmta_jax.environments import EnvironmentConfig, Pool
with Pool(EnvironmentConfig({tasks!r}), seeds=[0]) as pool:
    pool.reset()
    pool.send(numpy.zeros((pool.num_lanes, 4)))
    pool.receive()
    print(*pool.worker_pids, flush=True)
    input()
"""
    began = time.perf_counter()
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen([sys.executable, "-c", code], env=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    workers = [int(pid) for pid in process.stdout.readline().split()]
    start_s, of_workers = time.perf_counter() - began, _memory_gib(workers)
    rss_gib = of_workers + _memory_gib([process.pid])
    figures = {"start_s": start_s, "rss_gib": rss_gib, "worker_rss_gib": of_workers / len(workers)}
    process.communicate(b"\n")
    return figures


def _start_alone(tasks: tuple[str, ...], num_processes: int, stack: contextlib.ExitStack) -> list[Share]:
    """As many processes as the pool has workers, each with a worker's share of the lanes: (share, executor)."""
    context, processes = multiprocessing.get_context("spawn"), []
    for share in balancing.assign(tasks, num_processes):
        names = [tasks[lane] for lane in share]
        executor = concurrent.futures.ProcessPoolExecutor(1, context, _build, (names,))
        processes.append((share, stack.enter_context(executor)))
    return processes


def _rate_alone(processes: list[Share], actions: np.ndarray) -> float:
    """The sum of the rates of processes that step their shares of `actions` `[H, L, 4]` and never wait."""
    running = [executor.submit(_step_alone, actions[:, share]) for share, executor in processes]
    return sum(run.result() for run in running)


_simulators: list[FastSimulator] = []  # of a process that steps alone


def _build(tasks: list[str]) -> None:
    for task in tasks:
        simulator = FastSimulator(task)
        simulator.vectors = simulator.draw_goal_vectors(np.random.RandomState(0))
        simulator.reset(0)  # only the first reset to a goal set is simulated
        _simulators.append(simulator)


def _step_alone(actions: np.ndarray) -> float:
    stages = list(zip(*(simulator.stages for simulator in _simulators), strict=True))

    def step(action: np.ndarray) -> None:
        for simulator, own in zip(_simulators, action, strict=True):
            simulator.action = own
        for run in itertools.chain.from_iterable(stages):
            run()

    def begin() -> None:
        for simulator in _simulators:
            simulator.reset(0)

    return _rate(step, actions, begin)


def _scaling(tasks: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Steps per second by workers (up to the cores) for 50, 80 and 400 lanes."""
    workers = [count for count in (1, 2, 4, 8, 16, 32) if count <= resources.usable_cores()]
    sizes = {50: (tasks[:50], 1), 80: (tasks[:10], 8), 400: (tasks[:50], 8)}
    curves: dict[str, dict[str, float]] = {}
    for (names, copies), count in itertools.product(sizes.values(), workers):
        with Pool(EnvironmentConfig(names, horizon=HORIZON), seeds=[0], copies=copies, workers=count) as pool:
            pool.reset()
            action = np.random.default_rng(0).uniform(-1, 1, (pool.num_lanes, 4)).astype(np.float32)
            _pool_step(pool, action)
            began = time.perf_counter()
            for _ in range(100):
                _pool_step(pool, action)
            rate = 100 * pool.num_lanes / (time.perf_counter() - began)
            curves.setdefault(str(pool.num_lanes), {})[str(count)] = rate
    return curves
