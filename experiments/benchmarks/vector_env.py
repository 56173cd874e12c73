"""The benchmark suite `vector_env`: Meta-World's vector environments, EnvPool's, and `Meta-World-Fast`, in turns.

Each is a process of its own (`vector_contestants`). They take turns of 500 steps, an episode, so that every turn resets
every environment once. While one has its turn, the others sleep.
"""

import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from cmta_jax.environments.pool import resources
from experiments.benchmarks.options import Options
from experiments.benchmarks.vector_contestants import CONTESTANTS, SETTINGS

LEARNER_MS = 5.0
EPISODE = 500


class Contestant:
    """The process of one vector environment.

    Attributes:
        start_s: seconds from the command to the end of the first step.
        steps_per_s: by setting, environment steps (of all environments together) per second, one number a turn.
    """

    def __init__(self, name: str, benchmark: str, stack: contextlib.ExitStack):
        self.name, self._num_envs = name, int(benchmark.removeprefix("MT"))
        command = [sys.executable, "-W", "ignore", "-m", "experiments.benchmarks.vector_contestants", name, benchmark]
        root = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        pipe, began = subprocess.PIPE, time.perf_counter()
        self._process = stack.enter_context(subprocess.Popen(command, env=root, stdin=pipe, stdout=pipe, text=True))
        self._answer()
        self.start_s = time.perf_counter() - began
        settings = SETTINGS[:2] if name == "sync" else SETTINGS  # it has nothing to step with while others work
        self.steps_per_s: dict[str, list[float]] = {setting: [] for setting in settings}

    def take_turn(self, setting: str, steps: int) -> None:
        """Takes `steps` steps."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps} {LEARNER_MS} {setting}\n")
        self._process.stdin.flush()
        self.steps_per_s[setting].append(steps * self._num_envs / float(self._answer()))

    def memory_gib(self) -> float:
        """Memory of the process and of its workers, each shared page counted once (proportional set sizes)."""
        process = psutil.Process(self._process.pid)
        processes = [process, *process.children(recursive=True)]
        return sum(own.memory_full_info().pss for own in processes) / 2**30

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise RuntimeError(f"The process of the environment '{self.name}' has ended: see what it wrote above.")
        return answer


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures, prints a table for each benchmark, and writes the figures to `json_path` if one is given.

    Args:
        json_path: file for the figures.
        options: `benchmark` and `quick` (one turn of 100 steps in the place of three of 500) apply.

    Returns:
        By benchmark and contestant: `start_s`, `memory_gib`, `steps_per_s` by setting (the median turn), and `turns`.

    Raises:
        ValueError: another benchmark than mt10 and mt50.
    """
    names = [name.upper() for name in options.benchmark]
    for name in names:
        if name not in ("MT10", "MT50"):
            raise ValueError(f"--benchmark={name.lower()}: the suite vector_env measures mt10 and mt50")
    figures: dict[str, Any] = {}
    for name in names:
        print(f"{name}, {resources.usable_cores()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
        figures[name] = measure(name, rounds=1 if options.quick else 3, steps=100 if options.quick else EPISODE)
        print_table(figures[name])
    if json_path:
        Path(json_path).write_text(json.dumps(figures, indent=1))
    return figures


def measure(benchmark: str, rounds: int, steps: int) -> dict[str, dict[str, Any]]:
    """The figures of every contestant that is installed."""
    installed = [name for name in CONTESTANTS if name != "envpool" or importlib.util.find_spec("envpool")]
    with contextlib.ExitStack() as stack:
        contestants = [Contestant(name, benchmark, stack) for name in installed]
        for _ in range(rounds):
            for setting in SETTINGS:
                for contestant in contestants:
                    if setting in contestant.steps_per_s:
                        contestant.take_turn(setting, steps)
        return {contestant.name: _figures(contestant) for contestant in contestants}


def _figures(contestant: Contestant) -> dict[str, Any]:
    turns = contestant.steps_per_s
    medians = {setting: statistics.median(of_turns) for setting, of_turns in turns.items()}
    memory_gib = contestant.memory_gib()
    return {"start_s": contestant.start_s, "memory_gib": memory_gib, "steps_per_s": medians, "turns": turns}


def print_table(figures: dict[str, dict[str, Any]]) -> None:
    """A row for each contestant, and how many times better the fast one is than metaworld's `async`."""
    titles = ("steps/s", f"{LEARNER_MS:.0f} ms between", f"{LEARNER_MS:.0f} ms during", "start, s", "memory, GiB")
    print(f"{'':12s}" + "".join(f"{title:>14s}" for title in titles))
    rows = {name: _row(of_one) for name, of_one in figures.items()}
    for name, row in rows.items():
        print(f"{name:12s}" + "".join(f"{'-' if value is None else f'{value:.4g}':>14s}" for value in row))
    fast, stock = rows["fast"], rows["async"]
    ratios = [fast[i] / stock[i] if i < 3 else stock[i] / fast[i] for i in range(5)]
    print(f"{'fast/async':12s}" + "".join(f"{ratio:>13.2f}x" for ratio in ratios))


def _row(figures: dict[str, Any]) -> list[Any]:
    speeds = [figures["steps_per_s"].get(setting) for setting in SETTINGS]
    return [*speeds, figures["start_s"], figures["memory_gib"]]
