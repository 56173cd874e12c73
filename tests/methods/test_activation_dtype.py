"""--activation_dtype=bfloat16: what is rounded, and what is not."""

import functools

import jax
import jax.numpy as jnp
import method_examples as examples
import numpy as np
import pytest
from comparing import close

from cmta_jax.networks.linear import linear
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.mlp import MLP
from cmta_jax.random_keys import random_key

HALF = {"activation_dtype": "bfloat16"}


def test_a_layer_rounds_activations_and_sums_in_float32():
    """In bfloat16 a sum of 4096 ones stays at 256."""
    inputs, kernel, bias = jnp.ones((4096, 3), jnp.bfloat16), jnp.full((3, 2), 1.001), jnp.zeros(2)

    @examples.as_written
    def both(inputs, kernel, bias):
        outputs, pull_back = jax.vjp(lambda *arguments: linear(*arguments, jnp.bfloat16), inputs, kernel, bias)
        return outputs, *pull_back(jnp.ones_like(outputs))

    outputs, of_inputs, of_kernel, of_bias = both(inputs, kernel, bias)
    assert outputs.dtype == jnp.bfloat16 and (outputs == 3).all()  # 1.001 is 1 in bfloat16
    assert of_inputs.dtype == jnp.bfloat16 and of_kernel.dtype == of_bias.dtype == jnp.float32
    assert (of_inputs == 2).all() and (of_kernel == 4096).all() and (of_bias == 4096).all()


def test_a_cpu_has_products_of_many_seeds_and_tasks():
    """XLA has no product of bfloat16 with two axes of batches there."""
    inputs, kernel, bias = jnp.ones((2, 3, 5, 4), jnp.bfloat16), jnp.full((2, 3, 4, 6), 1.001), jnp.zeros((2, 3, 6))

    @examples.as_written
    def both(inputs, kernel, bias):
        many = jax.vmap(jax.vmap(lambda *arguments: linear(*arguments, jnp.bfloat16)))
        outputs, pull_back = jax.vjp(many, inputs, kernel, bias)
        return outputs, pull_back(jnp.ones_like(outputs))[1]

    outputs, of_kernel = both(inputs, kernel, bias)
    assert (outputs == 4).all() and (of_kernel == 5).all()


@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_network_has_the_same_parameters_and_nearly_the_same_outputs_and_gradients(layer_norm):
    inputs = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    plain, half = (MLP((16, 16), 3, layer_norm=layer_norm, dtype=dtype) for dtype in ("float32", "bfloat16"))

    def loss(network, params):
        outputs = network.apply(params, inputs)
        return jnp.square(outputs).mean(), outputs

    @examples.as_written
    def both(key):
        of_half, params = half.init(key, inputs), plain.init(key, inputs)
        found = [jax.value_and_grad(loss, argnums=1, has_aux=True)(network, params) for network in (half, plain)]
        return of_half, params, *found

    of_half, params, ((error, half_outputs), gradients), ((expected, outputs), of_plain) = both(random_key(1))
    close(of_half, params, rtol=0)
    assert half_outputs.dtype == jnp.float32
    close(error, expected, rtol=3e-2)
    for one, other in zip(jax.tree.leaves(gradients), jax.tree.leaves(of_plain), strict=True):
        assert np.linalg.norm(one - other) < 0.1 * np.linalg.norm(other)
    assert not np.array_equal(half_outputs, outputs)


@functools.cache
def traced(name, **settings):
    """An update of the method, its state and its batch."""
    method = examples.small(name, hidden_layers=2, **settings)
    state, batch = jax.eval_shape(method.init, random_key(0)), examples.random_batch(0, method)
    return examples.as_written(method.update).trace(state, batch, random_key(1)), method.init, batch


@pytest.mark.parametrize(
    "name", ["cmta", "single_task_sac", pytest.param("mtmhsac", marks=pytest.mark.nightly), "tsac"]
)
def test_an_update_keeps_its_state_in_float32(name):
    (half, *_), (plain, *_) = traced(name, **HALF), traced(name)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), half.out_info) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), plain.out_info
    )
    assert ":bf16[" in str(half.jaxpr) and "bf16" not in str(plain.jaxpr)


@pytest.mark.parametrize(
    ("name", "settings"), [("cmta", {}), ("care", {}), ("mtmhsac", {}), ("mtsac", {"mtsac.state_encoder": "always"})]
)
def test_each_methods_encoder_has_the_activations_dtype(name, settings):
    method = examples.small(name, **settings, **HALF)
    batch = examples.random_batch(0, method)

    params = jax.eval_shape(method.networks.init, random_key(0))
    tasks = jax.eval_shape(method.networks.encode_tasks, params["task_encoder"])
    used = jax.make_jaxpr(method.networks.encode)(params["encoder"], tasks, batch.observation, batch.carry)
    assert ":bf16[" in str(used)


def test_experts_are_rounded_and_attention_and_lstm_are_not():
    inputs = jnp.ones((2, 5, 6)) / 3, jnp.ones((2, 4)), (jnp.ones((2, 5, 4)) / 3,) * 2
    plain, half = (MixtureEncoder(3, 4, dtype=dtype) for dtype in ("float32", "bfloat16"))
    params = examples.as_written(plain.init)(random_key(0), *inputs)
    (_, full), (_, rounded) = (examples.as_written(module.apply)(params, *inputs) for module in (plain, half))
    close(rounded.experts, full.experts, rtol=3e-2)
    assert rounded.experts.dtype == jnp.float32 and not np.array_equal(rounded.experts, full.experts)
    assert np.array_equal(rounded.experts, rounded.experts.astype(jnp.bfloat16))
    close((rounded.attention, rounded.carry), (full.attention, full.carry), rtol=1e-6)


def test_the_losses_of_an_update_are_nearly_those_in_float32():
    (half, *_), (plain, init, batch) = traced("cmta", **HALF), traced("cmta")
    state = examples.as_written(init)(random_key(0))
    (_, rounded), (_, full) = (each.lower().compile()(state, batch, random_key(1)) for each in (half, plain))
    assert rounded.keys() == full.keys()
    for name in ("critic_loss", "actor_loss", "q_mean"):
        close(rounded[name], full[name], rtol=3e-2)


def test_soft_modularization_refuses_it():
    with pytest.raises(ValueError) as error:
        examples.small("soft_modularization", **HALF)
    assert "--activation_dtype=bfloat16 has no meaning for soft_modularization" in str(error.value)
