"""A step as one array."""

import jax
import numpy as np

from cmta_jax.environments.interface import Step
from cmta_jax.training import packed_step


def test_a_step_comes_back_bit_for_bit():
    rng = np.random.default_rng(0)
    lanes = (2, 3, 1)
    observations = rng.normal(size=(2, *lanes, 7)).astype(np.float32)
    numbers, flags = rng.normal(size=(2, *lanes)).astype(np.float32), rng.random((3, *lanes)) < 0.5
    step = Step._make([*observations, numbers[0], flags[0], numbers[1], *flags[1:]])
    packed = packed_step.pack(step)
    assert packed.shape == (*lanes, packed_step.width(7)) and packed.dtype == np.float32
    for name, back in jax.jit(packed_step.unpack)(packed)._asdict().items():
        np.testing.assert_array_equal(back, getattr(step, name), strict=True)
