"""The tool that trains with rounded products rounds their inputs: forward, in gradients, under vmap."""

import pathlib
import subprocess
import sys

import pytest
import rounded_products

PROGRAM = """
import sys
import jax, jax.numpy as jnp
from rounded_products import round_inputs

def loss(left, right, scale):
    return scale * jnp.vdot(left, right, precision="highest")

fine, ones = jnp.full((2, 3), 1 + 2.0**-7 + 2.0**-10 + 2.0**-20), jnp.ones((2, 3))
round_inputs(sys.argv[1])
forward = jax.jit(jax.vmap(loss))(fine, ones, jnp.ones(2))
backward = jax.jit(jax.vmap(jax.grad(loss)))(ones, ones, fine[:, 0])
print(float(forward[1]) / 3 - 1, float(backward[1, 0]) - 1)
"""


@pytest.mark.parametrize(
    ("precision", "kept"),
    [
        ("tensorfloat32", 2.0**-7 + 2.0**-10),
        pytest.param("bfloat16", 2.0**-7, marks=pytest.mark.nightly),
    ],
)
def test_inputs_of_products_are_rounded(precision, kept):
    command = [sys.executable, "-c", PROGRAM, precision]
    done = subprocess.run(command, cwd=pathlib.Path(rounded_products.__file__).parent, capture_output=True, text=True)
    assert [float(number) for number in done.stdout.split()] == [pytest.approx(kept, rel=1e-4)] * 2, done.stderr
