"""One environment at a time: physics alone, stock and fast steps and resets, in turns, in thread CPU time."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import numpy as np

from cmta_jax.environments.simulator.fast import FastSimulator
from cmta_jax.environments.simulator.stock import StockSimulator

_BLOCK = 30  # steps measured at a time


def measure(tasks: tuple[str, ...], blocks: int) -> dict[str, Any]:
    """Figures of each task and their means over tasks, with random actions."""
    by_task = {task: _measure_task(task, blocks) for task in tasks}
    mean = {name: float(np.mean([figures[name] for figures in by_task.values()])) for name in by_task[tasks[0]]}
    return {
        "step_us": {kind: mean[f"{kind} step us"] for kind in ("stock", "fast", "physics")},
        "reset_ms": {kind: mean[f"{kind} reset us"] / 1e3 for kind in ("stock", "fast")},
        "tasks": by_task,
    }


def _measure_task(task: str, blocks: int) -> dict[str, float]:
    """Medians over blocks, each on another goal set. The kinds take turns: a busy machine then slows all of them."""
    stock, fast = StockSimulator(task), FastSimulator(task)
    stock.vectors = fast.vectors = fast.draw_goal_vectors(np.random.RandomState(0))
    generator, rows = np.random.default_rng(0), []
    for block in range(blocks):
        goal_set = block % len(stock.vectors)
        actions = generator.uniform(-1, 1, (_BLOCK, 4)).astype(np.float32)
        fast.reset(goal_set)  # only the first reset to a goal set is simulated
        row = {"stock reset us": _mean_us(stock.reset, [goal_set]), "stock step us": _mean_us(stock.step, actions)}
        row |= {"fast reset us": _mean_us(fast.reset, [goal_set] * _BLOCK)}
        row |= {"fast step us": _mean_us(fast.step, actions), "physics step us": _physics(fast, goal_set, actions)}
        rows.append(row)
    return {name: float(np.median([row[name] for row in rows])) for name in rows[0]}


def _physics(simulator: FastSimulator, goal_set: int, actions: np.ndarray) -> float:
    """Microseconds of five `mj_step` and one `mj_forward` along the same actions, with MuJoCo's default flags."""
    model, data = simulator.environment.model, simulator._data
    simulator.reset(goal_set)
    model.vis.global_.bvactive = 1
    spent = 0.0
    for action in actions:
        simulator.action = action
        simulator._move_mocap()
        spent += _mean_us(lambda steps: (mujoco.mj_step(model, data, steps), mujoco.mj_forward(model, data)), [5])
    model.vis.global_.bvactive = 0
    return spent / len(actions)


def _mean_us(function: Callable[[Any], Any], arguments: Sequence[Any] | np.ndarray) -> float:
    """Microseconds of this thread for one call, averaged over calls with each of `arguments`."""
    began = time.thread_time_ns()
    for argument in arguments:
        function(argument)
    return (time.thread_time_ns() - began) / 1e3 / len(arguments)
