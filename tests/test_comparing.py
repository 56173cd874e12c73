"""The comparison that other tests rely on can fail."""

import numpy as np
import pytest
from comparing import close


def test_a_small_element_may_differ_by_the_rounding_of_the_largest_one_and_by_no_more():
    expected = np.array([1000.0, 0.0])
    close(np.array([1000.0, 0.009]), expected, rtol=1e-5)  # 1e-5 * 1000 = 0.01
    with pytest.raises(AssertionError):
        close(np.array([1000.0, 0.011]), expected, rtol=1e-5)


def test_every_leaf_is_compared_at_its_own_size():
    expected = {"large": np.ones(2), "small": np.full(2, 1e-6)}
    with pytest.raises(AssertionError):
        close({"large": np.ones(2), "small": np.full(2, 2e-6)}, expected)
    close({"large": np.ones(2), "small": np.full(2, 2e-6)}, expected, size=1.0)


def test_whole_numbers_are_equal_or_they_are_not():
    with pytest.raises(AssertionError):
        close(np.array([10**9]), np.array([10**9 + 1]))


def test_another_structure_is_not_close():
    with pytest.raises(AssertionError):
        close({"a": np.ones(2)}, {"b": np.ones(2)})
