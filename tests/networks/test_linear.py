"""The linear layer and the ReLU of all networks, against what JAX makes of their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
from comparing import close

from cmta_jax.networks.linear import linear, relu

INPUTS, KERNEL, BIAS, GRADIENT = (
    np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    for seed, shape in enumerate([(7, 3), (3, 5), (5,), (7, 5)])
)


def test_a_linear_layer_and_its_gradients_are_those_of_its_definition():
    outputs, pull_back = jax.vjp(lambda *arguments: linear(*arguments, jnp.float32), INPUTS, KERNEL, BIAS)
    close(outputs, INPUTS @ KERNEL + BIAS)
    close(pull_back(GRADIENT), (GRADIENT @ KERNEL.T, INPUTS.T @ GRADIENT, GRADIENT.sum(axis=0)))


def test_networks_of_an_ensemble_that_read_one_input_add_up_its_gradient():
    kernels = np.stack([KERNEL, 2 * KERNEL])
    each = jax.vmap(lambda kernel, inputs: linear(inputs, kernel, BIAS, jnp.float32), in_axes=(0, None))
    outputs, pull_back = jax.vjp(lambda inputs: each(kernels, inputs), INPUTS)
    close(outputs, np.stack([INPUTS @ kernel + BIAS for kernel in kernels]))
    close(pull_back(np.stack([GRADIENT, GRADIENT]))[0], 3 * GRADIENT @ KERNEL.T)


def test_narrow_inputs_give_products_of_narrow_numbers_and_wide_sums():
    """1.001 is 1 in bfloat16, where a sum of 4096 ones would stay at 256."""
    inputs, kernel, bias = jnp.ones((4096, 1), jnp.bfloat16), jnp.full((1, 2), 1.001), jnp.full(2, 0.001)
    outputs, pull_back = jax.vjp(lambda *arguments: linear(*arguments, jnp.float32), inputs, kernel, bias)
    assert outputs.dtype == jnp.float32 and (outputs == jnp.float32(1.001)).all()
    of_inputs, of_kernel, of_bias = pull_back(jnp.full_like(outputs, 1.001))
    assert of_inputs.dtype == jnp.bfloat16 and (of_inputs == 2).all()
    assert of_kernel.dtype == jnp.float32 and (of_kernel == 4096).all()  # the gradient is rounded, too
    close(of_bias, np.full(2, 4096 * 1.001, np.float32))


def test_relu_and_its_gradient_are_jaxs_even_at_zero():
    inputs = jnp.array([-2.0, -0.0, 0.0, 1e-30, 3.0])
    (ours, of_ours), (theirs, of_theirs) = (
        jax.jvp(function, (inputs,), (jnp.ones(5),)) for function in (relu, jax.nn.relu)
    )
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(of_ours, of_theirs)
    assert jnp.isnan(relu(jnp.array(jnp.nan)))
