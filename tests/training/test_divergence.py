"""What counts as divergence, and what is kept of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from divergence_examples import FINE, LIMIT, WRONG, batch, metrics, params, seen, source, start

from cmta_jax.sac.optimisers import descend, transforms
from cmta_jax.sac.state import Config
from cmta_jax.training import divergence


@pytest.mark.parametrize("wrong", WRONG)
def test_the_first_update_that_goes_wrong_is_kept_with_the_place_of_its_batch(wrong):
    held = seen(FINE, FINE, WRONG[wrong], FINE, WRONG["a loss is NaN"])
    assert held.wrong and held.step == 2
    np.testing.assert_array_equal(held.source.place.row, source(2).place.row)
    np.testing.assert_array_equal(tell(held).metrics["critic_loss"], WRONG[wrong][0]["critic_loss"])
    assert tell(held).step == 2


def tell(held, params=FINE[1]):
    return divergence.tell(held, params, batch(0))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_parameters_are_looked_at_when_somebody_asks(wrong):
    """No metric of the newest update, number 1, says so."""
    assert tell(seen(FINE, FINE)).step == -1
    assert tell(seen(FINE, FINE), params(wrong)).step == 1
    assert tell(seen(FINE, WRONG["a loss is NaN"], FINE, FINE), params(wrong)).step == 1


@pytest.mark.parametrize("clip", [0.0, 1.0])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_makes_a_parameter_so(wrong, clip):
    """This is why gradients are not checked."""
    before = {"kernel": jnp.ones(2)}
    (transform, *_) = transforms(Config(max_gradient_norm=clip))
    gradients = {"kernel": jnp.array([1.0, wrong], jnp.float32)}
    after, _ = descend(transform, gradients, transform.init(before), before)
    assert not np.isfinite(divergence.parameter_norms(after)["parameters"])


def test_while_all_is_well_there_is_no_step():
    assert not seen(FINE, FINE).wrong and tell(seen(FINE, FINE)).step == -1
    assert not seen(WRONG["the critic loss is beyond the limit"], limit=float("inf")).wrong


def test_every_seed_is_checked_by_itself():
    def check(value):
        return divergence.check(start(), jnp.int32(7), metrics(actor_loss=value), source(0), LIMIT)

    held = jax.vmap(check)(jnp.array([1.0, np.nan, 1.0]))
    assert held.wrong.tolist() == [False, True, False]


def test_norms_go_by_the_names_of_fields():
    nested = params()._replace(action=params())
    norms = divergence.parameter_norms(nested)
    assert "observation" in norms and "action/observation" in norms and len(norms) == 15
    np.testing.assert_allclose(norms["reward"], np.sqrt(2), rtol=1e-6)
    assert list(divergence.parameter_norms({"a": jnp.ones(4), "b": jnp.ones(5)})) == ["parameters"]
