"""All environments of a benchmark at once: gymnasium's vector environments and the pool in turns, in wall time."""

import functools
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import metaworld
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from cmta_jax.environments import EnvironmentConfig, Pool, assignment, goal_sets
from cmta_jax.environments.simulator.fast import FastSimulator

HORIZON = 150


def measure(tasks: tuple[str, ...], episodes: int) -> dict:
    """Throughput, round trip, start-up and memory; with eight cores or more, scaling over workers too."""
    figures = _start(tasks)
    config = EnvironmentConfig(tasks, horizon=HORIZON)
    with Pool(config, seeds=[0]) as pool:
        _visit_all_goal_sets(pool)
        figures |= {"round_trip_us": _round_trip_us(pool), "pool_workers": len(pool.worker_pids)}
        rates = _contest(pool, tasks, episodes)
    rates["alone"] = _steps_alone(tasks, figures["pool_workers"])
    return figures | {
        "pool_steps_per_s": rates,
        "scaling": _scaling(tasks) if (os.cpu_count() or 1) >= 8 else {},
    }


def _visit_all_goal_sets(pool: Pool) -> None:
    """A goal set's first reset is simulated; a run has them behind it after the first of its 16,000 episodes."""
    for goal_set in range(pool.num_goal_sets):
        pool.reset(goal_sets=np.full(pool.num_lanes, goal_set))
    pool.reset()


def _contest(pool: Pool, tasks: tuple[str, ...], episodes: int) -> dict[str, float]:
    """Environment steps per second of all contestants, which take turns, an episode each; resets included."""
    makers = _environment_makers(pool, tasks)
    async_env, sync_env = gymnasium.vector.AsyncVectorEnv(makers), gymnasium.vector.SyncVectorEnv(makers)
    contestants = {"async_vector_env": async_env.step, "sync_vector_env": sync_env.step}
    for environment in (async_env, sync_env):
        environment.reset()
    contestants["pool"] = functools.partial(_pool_step, pool)
    seconds, generator = dict.fromkeys(contestants, 0.0), np.random.default_rng(0)
    for _ in range(episodes):
        for name, step in contestants.items():
            actions = generator.uniform(-1, 1, (HORIZON, len(tasks), 4)).astype(np.float32)
            began = time.perf_counter()
            for action in actions:
                step(action)
            seconds[name] += time.perf_counter() - began
    async_env.close()
    sync_env.close()
    return {name: episodes * HORIZON * len(tasks) / spent for name, spent in seconds.items()}


def _environment_makers(pool: Pool, tasks: tuple[str, ...]) -> list:
    """Environments wrapped as `metaworld.make_mt_envs` does it, on the pool's goal sets."""
    makers = []
    for row, task in enumerate(tasks):
        dim = ALL_V3_ENVIRONMENTS[task]()._random_reset_space.low.size
        goals = [goal_sets.as_task(task, vector[:dim]) for vector in pool.goal_vectors[0, row]]
        settings = {"env_cls": ALL_V3_ENVIRONMENTS[task], "tasks": goals, "seed": 0, "max_episode_steps": HORIZON}
        makers.append(functools.partial(metaworld._init_each_env, **settings))
    return makers


def _pool_step(pool: Pool, action: np.ndarray):
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
    """A process with nothing but a pool: seconds from the command to the end of the first step; memory of all."""
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
    workers = process.stdout.readline().split()
    figures = {"start_s": time.perf_counter() - began, "rss_gib": _memory_gib([process.pid, *map(int, workers)])}
    process.communicate(b"\n")
    return figures


def _steps_alone(tasks: tuple[str, ...], num_processes: int) -> float:
    """Steps per second of as many processes as the pool has, each stepping its share with nobody to wait for."""
    context = multiprocessing.get_context("spawn")
    shares = assignment.assign(tasks, num_processes)
    with context.Pool(num_processes) as processes:
        return sum(processes.map(_step_for_a_while, [[tasks[lane] for lane in share] for share in shares]))


def _step_for_a_while(tasks: list[str], steps: int = 300) -> float:
    simulators = [FastSimulator(task) for task in tasks]
    for simulator in simulators:
        simulator.vectors = simulator.draw_goal_sets(np.random.RandomState(0))
        simulator.reset(0)
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, len(tasks), 4)).astype(np.float32)
    began = time.perf_counter()
    for action in actions:
        for simulator, own in zip(simulators, action, strict=True):
            simulator.advance(own)
        for simulator, own in zip(simulators, action, strict=True):
            simulator.report(own)
    return steps * len(tasks) / (time.perf_counter() - began)


def _scaling(tasks: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Steps per second by workers (up to the cores) for 50, 80 and 400 lanes."""
    workers = [count for count in (1, 2, 4, 8, 16, 32) if count <= (os.cpu_count() or 1)]
    sizes = {50: (tasks[:50], 1), 80: (tasks[:10], 8), 400: (tasks[:50], 8)}
    curves = {}
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
