"""Floating-point results of two different programs: equal up to rounding, on any processor.

Sums in another order, or with fused products, differ by a few units in the last place of the largest term. Small
elements of a result are therefore compared relative to the largest one.
"""

import chex
import jax
import numpy as np


def close(actual, expected, rtol=1e-5, size=0.0):
    """Asserts that each element differs by at most `rtol` times the largest magnitude in its leaf of `expected`.

    Args:
        actual: a pytree of arrays.
        expected: the same tree; scalars stand for arrays of equal elements.
        rtol: relative tolerance; 1e-5 is some hundred units in the last place of float32.
        size: the magnitude of the terms, where they cancel and the result is much smaller than they are.
    """
    chex.assert_trees_all_equal_structs(actual, expected)

    def check(one, other):
        if not np.issubdtype(np.asarray(other).dtype, np.inexact):
            np.testing.assert_array_equal(one, other)
            return
        largest = max(size, np.max(np.abs(other), initial=0.0))
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * largest)

    jax.tree.map(check, actual, expected)
