"""The benchmark suite `update`: the jitted update of a method against plain matrix products of the same FLOPs.

Update and products are timed alternately in one run, on random data, after a warm-up, to the end of the computation.
`ratio` is the distance to the floor: 1 would be an update that consists of matrix products at full speed only.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.random_keys import random_key
from cmta_jax.training.seed_axis import for_each_seed, products_in, spread
from cmta_jax.types import Carry, History, Method, Spec, Transition
from experiments.benchmarks.grid import Cell, method_of, sweep
from experiments.benchmarks.options import Options

COLUMNS = (
    "parameters", "gflop", "gbyte", "memory_mib", "compile_s", "update_ms", "spread_ms", "matmul_ms", "ratio"
)  # fmt: skip
WARMUP = 2  # repetitions before anything is timed


class Subject(NamedTuple):
    """A compiled update and the arguments to call it with."""

    update: Callable[..., Any]
    state: Any
    rest: tuple[Any, ...]
    compile_s: float
    parameters: int
    flops: float
    bytes_moved: float  # read and written by the compiled program's operations
    memory_bytes: int  # of arguments and intermediate results


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures every combination asked for, on one device; see `sweep`.

    `gbyte` is what the compiled operations read and write, `memory_mib` the memory of arguments and intermediate
    results, `spread_ms` the interquartile range.
    """
    return sweep(json_path, options, COLUMNS, measure)


def measure(cell: Cell, options: Options) -> dict[str, float]:
    """The figures of one row."""
    return compare(*method_of(cell, options), options, cell.seeds)


def compare(method: Method, spec: Spec, options: Options, seeds: int = 1) -> dict[str, float]:
    """A method's update and plain matrix products of the same FLOPs, timed in turns.

    Args:
        method: whose update is measured.
        spec: the environments that it was built for.
        options: sizes, precision and number of repetitions.
        seeds: learners in one program.
    """
    subject = prepare(method, spec, options, seeds)
    rows = spec.num_tasks * options.batch_per_task
    products, product_flops = matrix_products(rows, options.hidden_dim, subject.flops, options.matmul_precision)
    update_s, product_s = in_turns([stepper(subject), products], options)
    update_ms = 1e3 * statistics.median(update_s)
    matmul_ms = 1e3 * statistics.median(product_s) * subject.flops / product_flops
    lower, _, upper = statistics.quantiles(update_s)
    return {
        "parameters": subject.parameters,
        "gflop": subject.flops / 1e9,
        "flops": subject.flops,
        "gbyte": subject.bytes_moved / 1e9,
        "memory_mib": subject.memory_bytes / 2**20,
        "compile_s": subject.compile_s,
        "update_ms": update_ms,
        "spread_ms": 1e3 * (upper - lower),
        "matmul_ms": matmul_ms,
        "ratio": update_ms / matmul_ms,
        "matmul_gflop_per_s": subject.flops / matmul_ms / 1e6,
    }


def stepper(subject: Subject) -> Callable[[], None]:
    """A function that makes one update of the state that its last call left, and waits for its end."""
    state = subject.state

    def step() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(subject.update(state, *subject.rest))

    return step


def in_turns(calls: Sequence[Callable[[], None]], options: Options) -> list[list[float]]:
    """Seconds of each repetition of each call. The calls take turns: a busy machine then slows all of them alike."""
    seconds: list[list[float]] = [[] for _ in calls]
    for repetition in range((5 if options.quick else 21) + WARMUP):
        for call, own in zip(calls, seconds, strict=True):
            began = time.perf_counter()
            call()
            if repetition >= WARMUP:
                own.append(time.perf_counter() - began)
    return seconds


def prepare(method: Method, spec: Spec, options: Options, seeds: int) -> Subject:
    """Compiles the update of `seeds` learners in one program, as a run does."""
    keys = jax.random.split(random_key(0), seeds)
    mesh = spread(seeds, jax.devices()[:1])
    update = for_each_seed(method.update, mesh, donate=["state"], precision=options.matmul_precision)
    state = for_each_seed(method.init, mesh, once=True)(keys)
    batch = for_each_seed(lambda key: random_batch(method, spec, options.batch_per_task, key), mesh, once=True)(keys)
    began = time.perf_counter()
    compiled = update.lower(state, batch, keys).compile()
    compile_s = time.perf_counter() - began
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params)) // seeds
    flops, bytes_moved = count_flops(method, state, batch, keys), compiled.cost_analysis()["bytes accessed"]
    memory = compiled.memory_analysis()
    memory_bytes = memory.argument_size_in_bytes + memory.temp_size_in_bytes
    return Subject(compiled, state, (batch, keys), compile_s, parameters, flops, bytes_moved, memory_bytes)


def count_flops(method: Method, *arguments: Any) -> float:
    """FLOPs of the update of all seeds, as XLA counts them in the program for one CPU core.

    XLA counts no FLOPs before it compiles for a GPU, and afterwards it leaves out the products of GPU libraries.
    """
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), arguments)
    update = for_each_seed(method.update, spread(1, jax.devices("cpu")))
    return update.lower(*shapes).cost_analysis()["flops"]


def random_batch(method: Method, spec: Spec, batch_per_task: int, key: jax.Array) -> Transition:
    """A batch `[N, batch_per_task]` of random numbers; not of zeros, which hide mistakes and can be faster."""
    keys = iter(jax.random.split(key, 16))
    rows = (spec.num_tasks, batch_per_task)

    def carry(steps: int) -> Carry | History:
        state = jax.tree.map(lambda leaf: jax.random.normal(next(keys), rows + leaf.shape[2:]), method.begin(1))
        if not method.history:
            return state
        past = steps, *rows
        return History(state, jax.random.normal(next(keys), (*past, spec.observation_dim)), jnp.ones(past, bool))

    return Transition(
        observation=jax.random.normal(next(keys), (*rows, spec.observation_dim)),
        action=jax.random.uniform(next(keys), (*rows, spec.action_dim), minval=-1.0),
        reward=jax.random.normal(next(keys), rows),
        discount=jnp.ones(rows),
        next_observation=jax.random.normal(next(keys), (*rows, spec.observation_dim)),
        success=jax.random.bernoulli(next(keys), 0.5, rows),
        carry=carry(method.history),
        next_carry=carry(method.history + 1),
    )


def matrix_products(rows: int, width: int, flops: float, precision: str) -> tuple[Callable[[], None], float]:
    """A function that does about `flops` operations as products `[rows, width] @ [width, width]`, and its FLOPs."""
    keys = jax.random.split(random_key(1), 9)
    left = jax.random.normal(keys[0], (rows, width))
    right = [jax.random.normal(key, (width, width)) for key in keys[1:]]

    @jax.jit
    def multiply(left: jax.Array, right: list[jax.Array]) -> list[jax.Array]:
        with products_in(precision):
            return [left @ matrix for matrix in right]

    once = 2.0 * rows * width * width * len(right)
    times = max(1, round(flops / once))

    def products() -> None:
        result = multiply(left, right)
        for _ in range(times - 1):
            result = multiply(left, right)
        jax.block_until_ready(result)

    return products, once * times
