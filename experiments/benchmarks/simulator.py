"""The benchmark suite `simulator`: what a step of Meta-World costs, and what a pool of environments makes of it."""

import json
import time
from typing import Any

import psutil

from cmta_jax.environments import MT10, MT50
from cmta_jax.environments.pool import resources
from experiments.benchmarks import simulator_pools, simulator_steps
from experiments.benchmarks.options import Options

_CONTESTANTS = ("sync_vector_env", "async_vector_env", "pool", "alone")


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures, prints a table, and writes the figures to `json_path` if one is given.

    Args:
        json_path: file for the figures.
        options: `quick` means MT10 instead of MT50 and fewer repetitions, for a first look; the others do not apply.

    Returns:
        The figures: `step_us`, `reset_ms` (means over the tasks; thread CPU time), `pool_steps_per_s` (wall clock,
        resets included, every goal set seen before; the best round of each contestant, because other load on the
        machine can only slow it) and `pool_steps_per_s_median`, `round_trip_us`, `start_s`, `rss_gib` (all processes)
        and `worker_rss_gib` (one of the workers), and by task `tasks`.
    """
    quick, began = options.quick, time.time()
    tasks = MT10 if quick else MT50
    load = psutil.getloadavg()[0]
    print(f"{len(tasks)} tasks, {resources.usable_cores()} cores to use, load {load:.1f} at the start")
    figures = simulator_steps.measure(tasks, blocks=4 if quick else 10)
    _print_tasks(figures["tasks"])
    figures |= simulator_pools.measure(tasks, rounds=1 if quick else 7)
    figures["seconds"] = round(time.time() - began, 1)
    _print_summary(figures)
    if json_path:
        with open(json_path, "w") as file:
            json.dump(figures, file, indent=1)
    return figures


def _print_tasks(tasks: dict[str, dict[str, float]]) -> None:
    columns = next(iter(tasks.values()))
    print(f"\n{'task':30s}" + "".join(f"{name:>18s}" for name in columns))
    for task, figures in tasks.items():
        print(f"{task:30s}" + "".join(f"{value:18.4g}" for value in figures.values()))


def _print_summary(figures: dict[str, Any]) -> None:
    step, reset, pool = figures["step_us"], figures["reset_ms"], figures["pool_steps_per_s"]
    median = figures["pool_steps_per_s_median"]
    lines = {
        "step, us (stock, fast, physics alone)": f"{step['stock']:.0f}, {step['fast']:.1f}, {step['physics']:.1f}",
        "fast / physics (target at most 1.15)": f"{step['fast'] / step['physics']:.2f}",
        "stock / fast (target at least 3)": f"{step['stock'] / step['fast']:.2f}",
        "reset, ms (stock, fast)": f"{reset['stock']:.2f}, {reset['fast']:.4f}",
        "stock / fast (target at least 100)": f"{reset['stock'] / reset['fast']:.0f}",
        "steps/s, best round (sync, async, pool, alone)": ", ".join(f"{pool[name]:.0f}" for name in _CONTESTANTS),
        "steps/s, median round": ", ".join(f"{median[name]:.0f}" for name in _CONTESTANTS),
        "pool / async (target at least 5.5)": _ratio(pool, median, "async_vector_env"),
        "pool / processes alone (target at least 0.85)": _ratio(pool, median, "alone"),
        "round trip, us (target under 20)": f"{figures['round_trip_us']:.1f}",
        "command to first step, s (target under 10)": f"{figures['start_s']:.1f}",
        "memory, GiB (target under 2.5)": f"{figures['rss_gib']:.2f} (a worker: {figures['worker_rss_gib']:.2f})",
    }
    print()
    for label, text in lines.items():
        print(f"{label:48s}{text}")
    for lanes, by_workers in figures["scaling"].items():
        print(f"{lanes + ' lanes, steps/s by workers':48s}" + ", ".join(f"{k}: {v:.0f}" for k, v in by_workers.items()))


def _ratio(best: dict[str, float], median: dict[str, float], other: str) -> str:
    ratios = [rates["pool"] / rates[other] for rates in (best, median)]
    return "{:.2f} (medians: {:.2f})".format(*ratios)
