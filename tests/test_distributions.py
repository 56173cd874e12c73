import pytest

from cmta_jax import distributions


@pytest.mark.parametrize("initial", [-20.0, 2.0, -20.5])
def test_a_deviation_at_the_end_of_its_range_has_no_finite_bias_and_is_refused(initial):
    with pytest.raises(ValueError, match=rf"--initial_log_std={initial:g} is outside \(-20, 2\): choose one between"):
        distributions.log_std_bias("rescaled_tanh", initial)
