"""The matrix products of an update, alone: found in its jaxpr, timed on random operands."""

import collections
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.extend

from cmta_jax.random_keys import random_key
from cmta_jax.training.seed_axis import products_in
from cmta_jax.types import Method, Spec
from experiments.benchmarks import update
from experiments.benchmarks.options import Options


class Product(NamedTuple):
    """One matrix product of a program."""

    left: tuple[int, ...]  # shape of the left operand
    right: tuple[int, ...]
    dimension_numbers: Any  # of `jax.lax.dot_general`


def milliseconds(method: Method, spec: Spec, options: Options) -> float:
    """The sum over all products of one update of their median times.

    A product counts as often as it stands in the update's jaxpr. Where the compiler merges two equal ones (an encoder
    that actor and critics read), both count.
    """
    key = random_key(0)
    batch = update.random_batch(method, spec, options.batch_per_task, key)
    jaxpr = jax.make_jaxpr(method.update)(jax.eval_shape(method.init, key), batch, key)
    counts = collections.Counter(products(jaxpr.jaxpr))
    repetitions = 5 if options.quick else 21
    with products_in(options.matmul_precision):
        return sum(count * _milliseconds(product, repetitions) for product, count in counts.items())


def products(jaxpr: Any) -> Iterator[Product]:
    """Every product of a jaxpr and of the jaxprs inside it."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            left, right = (variable.aval.shape for variable in equation.invars)
            yield Product(left, right, equation.params["dimension_numbers"])
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from products(inner)


def _milliseconds(product: Product, repetitions: int) -> float:
    left, right = (jax.random.normal(random_key(i), shape) for i, shape in enumerate((product.left, product.right)))
    multiply = jax.jit(lambda left, right: jax.lax.dot_general(left, right, product.dimension_numbers))
    jax.block_until_ready(multiply(left, right))
    spent = []
    for _ in range(repetitions):
        began = time.perf_counter()
        jax.block_until_ready(multiply(left, right))
        spent.append(time.perf_counter() - began)
    return 1e3 * statistics.median(spent)
