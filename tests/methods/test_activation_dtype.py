"""--activation_dtype=bfloat16: what is rounded, and what is not."""

import jax
import jax.numpy as jnp
import method_examples as examples
import numpy as np
import pytest
from comparing import close

from cmta_jax.networks.mlp import MLP
from cmta_jax.networks.rounded import linear
from cmta_jax.random_keys import random_key

HALF = {"activation_dtype": "bfloat16", "hidden_layers": 2}


def test_a_layer_rounds_activations_and_sums_in_float32():
    """In bfloat16 a sum of 4096 ones stays at 256."""
    inputs, kernel, bias = jnp.ones((4096, 3), jnp.bfloat16), jnp.full((3, 2), 1.001), jnp.zeros(2)
    outputs, pull_back = jax.vjp(linear, inputs, kernel, bias)
    assert outputs.dtype == jnp.bfloat16 and (outputs == 3).all()  # 1.001 is 1 in bfloat16
    of_inputs, of_kernel, of_bias = pull_back(jnp.ones_like(outputs))
    assert of_inputs.dtype == jnp.bfloat16 and of_kernel.dtype == of_bias.dtype == jnp.float32
    assert (of_inputs == 2).all() and (of_kernel == 4096).all() and (of_bias == 4096).all()


@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_network_has_the_same_parameters_and_nearly_the_same_outputs_and_gradients(layer_norm):
    inputs = jax.random.normal(random_key(0), (50, 6))
    plain, half = (MLP((16, 16), 3, layer_norm=layer_norm, dtype=dtype) for dtype in ("float32", "bfloat16"))
    params = plain.init(random_key(1), inputs)
    close(half.init(random_key(1), inputs), params, rtol=0)

    def loss(network):
        return jax.value_and_grad(lambda params: jnp.square(network.apply(params, inputs)).mean())(params)

    assert half.apply(params, inputs).dtype == jnp.float32
    (error, gradients), (expected, of_plain) = loss(half), loss(plain)
    close(error, expected, rtol=3e-2)
    for one, other in zip(jax.tree.leaves(gradients), jax.tree.leaves(of_plain), strict=True):
        assert jnp.linalg.norm(one - other) < 0.1 * jnp.linalg.norm(other)
    assert not np.array_equal(half.apply(params, inputs), plain.apply(params, inputs))


@pytest.mark.parametrize(
    "name", ["cmta", "single_task_sac", pytest.param("mtmhsac", marks=pytest.mark.nightly), "tsac"]
)
def test_an_update_keeps_its_state_in_float32(name):
    method, plain = examples.small(name, **HALF), examples.small(name, hidden_layers=2)
    state, batch = jax.eval_shape(method.init, random_key(0)), examples.random_batch(0, method)
    after, metrics = jax.eval_shape(method.update, state, batch, random_key(1))
    expected = jax.eval_shape(plain.update, jax.eval_shape(plain.init, random_key(0)), batch, random_key(1))
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), (after, metrics)) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), expected
    )
    rounded = str(jax.make_jaxpr(method.update)(state, batch, random_key(1))).count(":bf16[")
    assert rounded > 0 and "bf16" not in str(jax.make_jaxpr(plain.update)(state, batch, random_key(1)))


def test_the_losses_of_an_update_are_nearly_those_in_float32():
    method, plain = examples.small("cmta", **HALF), examples.small("cmta", hidden_layers=2)
    state, batch = plain.init(random_key(0)), examples.random_batch(0, plain)
    (_, half), (_, full) = (examples.as_written(each.update)(state, batch, random_key(1)) for each in (method, plain))
    assert half.keys() == full.keys()
    for name in ("critic_loss", "actor_loss", "q_mean"):
        close(half[name], full[name], rtol=3e-2)


def test_soft_modularization_refuses_it():
    with pytest.raises(ValueError) as error:
        examples.small("soft_modularization", **HALF)
    assert "--activation_dtype=bfloat16 has no meaning for soft_modularization" in str(error.value)
