"""The contrastive term of CMTA and CARE follows its settings."""

import jax.numpy as jnp
import pytest
from comparing import close

from cmta_jax import losses
from cmta_jax.methods import care, cmta, mixture
from cmta_jax.networks.mixture import MixtureIntermediates


@pytest.mark.parametrize("method", [cmta, care])
@pytest.mark.parametrize("floor", [-1.0, 0.0])
def test_the_floor_is_that_of_the_loss(method, floor):
    experts = jnp.array([[1.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])[
        :, None, None
    ]  # [K, N, B, D]; cosines -0.4, -0.4, -0.6
    now = MixtureIntermediates(experts, jnp.full((1, 1, 3), 1 / 3), ())
    config = method.Config(num_experts=3, contrastive_weight=10.0, contrastive_floor=floor)
    loss, metrics = mixture.contrast(config, now, now)
    expected = losses.contrastive_loss(experts, experts, 0.1, floor)
    close(loss, 10.0 * expected)
    close(metrics["contrastive_loss"], expected)
    assert expected > 1e-5 if floor == 0.0 else expected < 1e-5, "the two differ"
