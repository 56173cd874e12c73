"""Seeds spread over devices: the same numbers as on one device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_method
from comparing import close
from toy_training import SPEC, TOY, Run

from cmta_jax.training import program as program_lib
from cmta_jax.training import seed_axis
from cmta_jax.training.seed_axis import for_each_seed, spread


@pytest.mark.parametrize(("num_seeds", "devices"), [(8, 8), (4, 4), (12, 6), (7, 7), (3, 3), (1, 1), (9, 3)])
def test_every_device_has_the_same_number_of_seeds(num_seeds, devices):
    assert spread(num_seeds, jax.devices()[:8]).size == devices


def test_a_run_over_devices_equals_the_run_on_one():
    run, alone = (Run(TOY, num_seeds=4, steps_per_task=25) for _ in range(2))
    method, devices = toy_method.make(TOY, SPEC), (jax.devices()[0],)
    alone.program = program_lib.compile_program(method, SPEC, alone.config, TOY.batch_per_task, devices)
    observation = alone.pool.reset(0).reshape(*alone.lanes, -1)
    alone.state = alone.program.start(program_lib.seed_keys_of(alone.config), observation)
    run.to_the_end(), alone.to_the_end()
    leaf = jax.tree.leaves(run.state.learner.params)[0]
    assert len(leaf.sharding.device_set) == 4 and len(alone.state.replay.cursor.sharding.device_set) == 1
    # 20 updates; programs of 1 and of 4 seeds sum in different orders
    close(run.state.learner.params, alone.state.learner.params, rtol=1e-4, size=1.0)
    np.testing.assert_array_equal(run.state.replay.cursor, alone.state.replay.cursor)


@pytest.mark.parametrize("num_seeds", [1, 4])
def test_what_is_called_once_is_compiled_quickly_to_the_same_numbers_but_for_the_last_bits(num_seeds):
    keys, init = jax.vmap(jax.random.key)(jnp.arange(num_seeds)), toy_method.make(TOY, SPEC).init
    quick, well = (for_each_seed(init, spread(num_seeds, jax.devices()[:1]), once=once) for once in (True, False))
    close(quick(keys), well(keys), rtol=1e-5)


def test_only_what_is_called_once_is_compiled_quickly(monkeypatch):
    monkeypatch.setattr(seed_axis, "_QUICK", {"xla_no_such_option": 1})
    for_each_seed(jnp.sin, spread(1))(jnp.zeros(1))
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_no_such_option"):
        for_each_seed(jnp.sin, spread(1), once=True)(jnp.zeros(1))


def test_shared_arguments_are_the_same_for_all_seeds():
    add = for_each_seed(lambda value, step: value + step, spread(4), shared=["step"])
    np.testing.assert_array_equal(add(jnp.arange(4), jnp.int32(10)), [10, 11, 12, 13])


def test_a_loop_may_begin_with_a_value_that_no_seed_had_part_in():
    """As a reset does, whose fresh optimisers are all zeros."""

    def thrice(value):
        return jax.lax.scan(lambda total, _: (total + value, None), jnp.zeros(()), length=3)[0]

    np.testing.assert_array_equal(for_each_seed(thrice, spread(4))(jnp.arange(4.0)), [0, 3, 6, 9])


def test_a_cpu_has_no_bfloat16_products():
    with pytest.raises(ValueError, match="--matmul_precision=bfloat16 needs a GPU or TPU"):
        for_each_seed(jnp.sin, spread(1), precision="bfloat16")


@pytest.mark.parametrize("precision", ["float32", "tensorfloat32", "bfloat16"])
def test_the_precision_reaches_every_product(precision, monkeypatch):
    mesh = spread(1)
    monkeypatch.setattr(type(jax.devices()[0]), "platform", "gpu", raising=False)
    product = for_each_seed(lambda matrix: matrix @ matrix, mesh, precision=precision)
    text = str(jax.make_jaxpr(product)(jnp.ones((1, 2, 2))))
    assert {"float32": "HIGHEST", "tensorfloat32": "HIGH", "bfloat16": "BF16_BF16_F32"}[precision] in text


def test_a_compiled_function_keeps_its_name_in_profiles_and_logs():
    def learn(state):
        return state + 1

    compiled = for_each_seed(learn, spread(1), donate=["state"])
    assert "jit_learn" in compiled.lower(jnp.zeros(1)).as_text()


def test_an_argument_that_does_not_exist_cannot_be_donated():
    with pytest.raises(ValueError, match="replay"):
        for_each_seed(jnp.sin, spread(1), donate=["replay"])
