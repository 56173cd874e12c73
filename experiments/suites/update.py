"""The benchmark suite `update`: the jitted update of a method against plain matrix products of the same FLOPs.

Update and products are timed alternately in one run, on random data, after a warm-up, to the end of the computation.
`ratio` is the distance to the floor: 1 would be an update that consists of matrix products at full speed only.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.environments import resolve_tasks
from cmta_jax.methods import METHODS, build
from cmta_jax.types import Method, Spec, Transition

OBSERVATION_DIM, ACTION_DIM = 39, 4
COLUMNS = ("method", "benchmark", "seeds", "parameters", "gflop", "compile_s", "update_ms", "spread_ms", "matmul_ms", "ratio")


class Subject(NamedTuple):
    """A compiled update and the arguments to call it with."""

    update: Callable[..., Any]
    state: Any
    rest: tuple[Any, ...]
    flops: float
    compile_s: float
    parameters: int


def run(
    json_path: str | None = None, quick: bool = False, method: Sequence[str] = ("cmta",),
    benchmark: Sequence[str] = ("mt10",), num_seeds: Sequence[int] = (1,), hidden_dim: int = 512, batch_per_task: int = 128,
) -> dict:  # fmt: skip
    """Measures every combination asked for, prints a table, and writes the figures to `json_path` if one is given.

    Args:
        json_path: file for the figures.
        quick: 5 repetitions instead of 21.
        method: names of methods, or `all`.
        benchmark: `mt10`, `mt50` or comma-free task names.
        num_seeds: seeds in one program.
        hidden_dim, batch_per_task: sizes; the defaults are the paper's.

    Returns:
        `{"device": ..., "rows": [{column: value}]}`; with one row, its columns (`update_ms`, `matmul_ms`, `flops`,
        `compile_s`, ...) stand at the top level too. `spread_ms` is the interquartile range.
    """
    figures = {"device": jax.devices()[0].device_kind, "devices": len(jax.devices()), "rows": []}
    print(f"device: {figures['device']}; update and matrix products in float32, timed alternately\n")
    print("".join(f"{name:>20s}" if name == "method" else f"{name:>11s}" for name in COLUMNS))
    for name in METHODS if "all" in method else method:
        for tasks in benchmark:
            for seeds in num_seeds:
                sizes = {"hidden_dim": hidden_dim, "batch_per_task": batch_per_task}
                row = {"method": name, "benchmark": tasks, "seeds": seeds, **measure(name, tasks, seeds, sizes, 5 if quick else 21)}
                figures["rows"].append(row)
                print("".join(f"{_text(row[key]):>{20 if key == 'method' else 11}s}" for key in COLUMNS), flush=True)
    if len(figures["rows"]) == 1:
        figures |= figures["rows"][0]
    if json_path:
        with open(json_path, "w") as file:
            json.dump(figures, file, indent=1)
    return figures


def measure(name: str, benchmark: str, seeds: int, sizes: dict[str, int], repetitions: int) -> dict[str, float]:
    """The figures of one row."""
    tasks = resolve_tasks(benchmark)
    spec = Spec(tasks, OBSERVATION_DIM, ACTION_DIM)
    subject = prepare(build(name, sizes, spec), spec, sizes["batch_per_task"], seeds)
    rows = len(tasks) * sizes["batch_per_task"]
    products, product_flops = matrix_products(rows, sizes["hidden_dim"], subject.flops)
    state, update_s, product_s = subject.state, [], []
    for repetition in range(repetitions + 2):
        began = time.perf_counter()
        state, _ = jax.block_until_ready(subject.update(state, *subject.rest))
        between = time.perf_counter()
        products()
        if repetition >= 2:  # the first two warm up
            update_s.append(between - began)
            product_s.append(time.perf_counter() - between)
    update_ms = 1e3 * statistics.median(update_s)
    matmul_ms = 1e3 * statistics.median(product_s) * subject.flops / product_flops
    lower, _, upper = statistics.quantiles(update_s)
    return {
        "parameters": subject.parameters, "gflop": subject.flops / 1e9, "flops": subject.flops,
        "compile_s": subject.compile_s, "update_ms": update_ms, "spread_ms": 1e3 * (upper - lower),
        "matmul_ms": matmul_ms, "ratio": update_ms / matmul_ms,
        "matmul_gflop_per_s": subject.flops / matmul_ms / 1e6,
    }  # fmt: skip


def prepare(method: Method, spec: Spec, batch_per_task: int, seeds: int) -> Subject:
    """Compiles the update of `seeds` learners in one program."""
    keys = jax.random.split(jax.random.key(0), seeds)
    state = jax.jit(jax.vmap(method.init))(keys)
    batch = jax.vmap(lambda key: random_batch(method, spec, batch_per_task, key))(keys)
    update = jax.jit(jax.vmap(method.update), donate_argnums=0)
    began = time.perf_counter()
    lowered = update.lower(state, batch, keys)
    compiled = lowered.compile()
    compile_s = time.perf_counter() - began
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params)) // seeds
    return Subject(compiled, state, (batch, keys), lowered.cost_analysis()["flops"], compile_s, parameters)


def random_batch(method: Method, spec: Spec, batch_per_task: int, key: jax.Array) -> Transition:
    """A batch of random numbers (never zeros: they hide mistakes and can be faster)."""
    keys = iter(jax.random.split(key, 16))
    rows = (spec.num_tasks, batch_per_task)

    def carry():
        return jax.tree.map(lambda leaf: jax.random.normal(next(keys), rows + leaf.shape[2:]), method.begin(1))

    return Transition(
        observation=jax.random.normal(next(keys), (*rows, spec.observation_dim)),
        action=jax.random.uniform(next(keys), (*rows, spec.action_dim), minval=-1.0),
        reward=jax.random.normal(next(keys), rows),
        discount=jnp.ones(rows),
        next_observation=jax.random.normal(next(keys), (*rows, spec.observation_dim)),
        success=jax.random.bernoulli(next(keys), 0.5, rows),
        carry=carry(),
        next_carry=carry(),
    )


def matrix_products(rows: int, width: int, flops: float) -> tuple[Callable[[], None], float]:
    """A function that does about `flops` operations as products `[rows, width] @ [width, width]`, and its FLOPs."""
    keys = jax.random.split(jax.random.key(1), 9)
    left = jax.random.normal(keys[0], (rows, width))
    right = [jax.random.normal(key, (width, width)) for key in keys[1:]]
    multiply = jax.jit(lambda left, right: [left @ matrix for matrix in right])
    once = 2.0 * rows * width * width * len(right)
    times = max(1, round(flops / once))

    def products():
        for _ in range(times):
            result = multiply(left, right)
        jax.block_until_ready(result)

    return products, once * times


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
