"""The cost of a method's own matrix products: all of them are found, with their shapes."""

import collections

import jax
import jax.numpy as jnp
from method_examples import SPEC, random_batch, small

from experiments.benchmarks import matmul_floor, methods
from experiments.benchmarks.options import Options


def test_products_are_found_in_inner_programs_too():
    def program(left, right):
        return jax.jit(lambda left: left @ right)(left) + jax.vmap(lambda row: row @ right)(left)

    jaxpr = jax.make_jaxpr(program)(jnp.ones((3, 4)), jnp.ones((4, 5))).jaxpr
    assert [shapes[:2] for shapes in matmul_floor.products(jaxpr)] == [((3, 4), (4, 5))] * 2


def test_a_method_with_heads_never_multiplies_all_heads_with_all_rows():
    method, tasks = small("mtmhsac"), SPEC.num_tasks
    key = jax.random.key(0)
    batch = jax.eval_shape(lambda: random_batch(0, method))
    jaxpr = jax.make_jaxpr(method.update)(jax.eval_shape(method.init, key), batch, key).jaxpr
    shapes = collections.Counter(right for _, right, _ in matmul_floor.products(jaxpr))
    assert shapes[(tasks, 8, 2 * SPEC.action_dim)] >= 2  # the policy's heads: a task's rows with that task's matrix
    for left, right, ((_, _), (batched, _)) in matmul_floor.products(jaxpr):
        if right == (tasks, 8, 2 * SPEC.action_dim):
            assert left[0] == tasks and 0 in batched


def test_every_row_of_mt10_is_measured_unless_some_are_named():
    assert {"cmta", "care_cl", "single_task_sac", "soft_modularization_original"} <= set(methods.rows(Options()))
    assert methods.rows(Options(method=("care_cl", "mtsac"))) == ["care_cl", "mtsac"]
