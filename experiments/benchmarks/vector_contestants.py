"""One vector environment in a process of its own: it is stepped when the benchmark suite `vector_env` asks for it.

`python -m experiments.benchmarks.vector_contestants fast MT10` writes a line when the first step is done. It then
reads lines `steps learner_ms mode`, takes the steps and writes the seconds that they took.
"""

import sys
import time
from typing import Any

import gymnasium
import numpy as np

CONTESTANTS = ("sync", "async", "envpool", "fast")
SETTINGS = ("alone", "between", "during")  # where the learner works: nowhere, after each step, while it is under way


class EnvPools:
    """EnvPool has one pool for each task: actions are sent to all, then all are awaited."""

    def __init__(self, benchmark: str):
        import envpool  # pyright: ignore[reportMissingImports]: an extra

        from cmta_jax.environments.benchmarks import MT10, MT50

        tasks = {"MT10": MT10, "MT50": MT50}[benchmark]
        names = ["".join(word.capitalize() for word in task.removesuffix("-v3").split("-")) for task in tasks]
        self.num_envs = len(tasks)
        self._pools = [
            envpool.make_gymnasium(f"MetaWorld/{name}-v3", num_envs=1, num_threads=1, seed=1) for name in names
        ]

    def reset(self) -> None:
        for pool in self._pools:
            pool.reset()

    def step_async(self, actions: np.ndarray) -> None:
        for pool, action in zip(self._pools, actions, strict=True):
            pool.send(action[None])

    def step_wait(self) -> list[Any]:
        return [pool.recv() for pool in self._pools]

    def step(self, actions: np.ndarray) -> list[Any]:
        self.step_async(actions)
        return self.step_wait()


def make(contestant: str, benchmark: str) -> Any:
    """The environment of MT10 or MT50, with metaworld's defaults: episodes of 500 steps."""
    if contestant == "envpool":
        return EnvPools(benchmark)
    if contestant == "fast":
        return gymnasium.make_vec(f"cmta_jax:Meta-World-Fast/{benchmark}", seed=1)
    return gymnasium.make_vec(f"metaworld:Meta-World/{benchmark}", vector_strategy=contestant, seed=1)


def take_steps(envs: Any, steps: int, learner_s: float, setting: str) -> float:
    """Seconds that `steps` steps with random actions take, the learner's work included."""
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, envs.num_envs, 4)).astype(np.float32)

    def overlapped(action: np.ndarray) -> None:
        envs.step_async(action)
        work(learner_s)
        envs.step_wait()

    advance = overlapped if setting == "during" else envs.step
    began = time.perf_counter()
    for action in actions:
        advance(action)
        if setting == "between":
            work(learner_s)
    return time.perf_counter() - began


def work(seconds: float) -> None:
    """Keeps one core busy, as a learner would."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def main(contestant: str, benchmark: str) -> None:
    """Serves the suite until its standard input ends."""
    envs = make(contestant, benchmark)
    envs.reset()
    take_steps(envs, 1, 0.0, "alone")
    print("ready", flush=True)
    for line in sys.stdin:
        steps, learner_ms, setting = line.split()
        print(take_steps(envs, int(steps), float(learner_ms) / 1e3, setting), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
