"""Seconds that JAX takes to compile programs for MT10 on this machine, for docs/performance.md.

PYTHONPATH=. python tests/support/compile_times.py

`plain` is MT-SAC as a plain flax and optax code writes it (`plain_mtsac.py`). `update` is a method's update here;
`learn` is what a run compiles: it also draws the batch from the replay, scales its rewards, and checks the result.
"""

import functools
import time
from collections.abc import Callable, Iterator
from unittest import mock

import jax
import jax.numpy as jnp
from plain_mtsac import ACTION_DIM, OBSERVATION_DIM, PlainMtsac

from cmta_jax.config import TrainingConfig
from cmta_jax.random_keys import random_key
from cmta_jax.training import replay
from cmta_jax.training.seed_axis import for_each_seed, spread
from experiments.benchmarks import gpu_target
from experiments.benchmarks.gpu_target import Lowerable
from experiments.benchmarks.grid import Cell, method_of
from experiments.benchmarks.options import Options
from experiments.benchmarks.update import random_batch

DEVICES = jax.devices()[:1]
OPTIONS = Options(hidden_dim=400)
METHODS = ("mtsac", "cmta", "soft_modularization")


def main() -> None:
    """Prints a row for each program."""
    print(f"{'':28} {'trace, lower':>12} {'XLA':>6}")
    for name, made in programs():
        began = time.perf_counter()
        function, arguments = made()
        lowered = function.lower(*arguments)
        between = time.perf_counter()
        lowered.compile()
        print(f"{name:28} {between - began:12.1f} {time.perf_counter() - between:6.1f}", flush=True)


def programs() -> Iterator[tuple[str, Callable[[], Lowerable]]]:
    """Name of each program, and what makes it; no two share what they trace."""
    yield "plain mtsac update", plain
    for name in METHODS:
        yield f"{name} update", functools.partial(update, name)
        yield f"{name} learn", functools.partial(learn, name)
    yield "mtsac learn, nothing drawn", functools.partial(learn_of_first_rows, "mtsac")


def plain() -> Lowerable:
    """The update of plain MT-SAC, with as many rows as the methods' batches."""
    method, rows = PlainMtsac(OPTIONS.hidden_dim), 10 * OPTIONS.batch_per_task
    floats = functools.partial(jax.ShapeDtypeStruct, dtype=jnp.float32)
    observation, action, number = floats((rows, OBSERVATION_DIM)), floats((rows, ACTION_DIM)), floats((rows,))
    state = jax.eval_shape(method.init, random_key(0))
    return Lowerable(
        jax.jit(method.update, donate_argnums=0), (state, (observation, action, number, observation, number))
    )


def update(name: str) -> Lowerable:
    """A method's update, for one seed, as `--suite=update` compiles it."""
    method, spec = method_of(Cell(name, "mt10", 1), OPTIONS)
    keys = jax.random.split(random_key(0), 1)
    state = jax.eval_shape(jax.vmap(method.init), keys)
    batch = jax.eval_shape(jax.vmap(lambda key: random_batch(method, spec, OPTIONS.batch_per_task, key)), keys)
    return Lowerable(for_each_seed(method.update, spread(1, DEVICES), donate=["state"]), (state, batch, keys))


def learn(name: str) -> Lowerable:
    """The program of a method's run, for one seed."""
    method, spec = method_of(Cell(name, "mt10", 1), OPTIONS)
    return gpu_target.programs(method, spec, TrainingConfig(), OPTIONS.batch_per_task, DEVICES)["learn"]


def learn_of_first_rows(name: str) -> Lowerable:
    """The same with a batch of first rows: what is left if no random numbers choose it."""
    rows = replay.Place(*jnp.zeros((2, 10, OPTIONS.batch_per_task), jnp.int32))
    with mock.patch.object(replay, "draw", return_value=rows):
        function, arguments = learn(name)
        return Lowerable(function.trace(*arguments), ())


if __name__ == "__main__":
    main()
