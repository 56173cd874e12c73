"""TSAC's arithmetic on paper (docs/methods.md, 6.3 and 6.5)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close

from cmta_jax import sac
from cmta_jax.methods.tsac import critics, losses, policies, running_mean
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.rewards import FORMS
from cmta_jax.sac.steps import LinearisedQ, linearised_q
from cmta_jax.types import Transition

GAMMA = 0.99
ROWS = (2, 5)


def actions(seed, low=-1.0, high=1.0):
    return jax.random.uniform(jax.random.key(seed), (*ROWS, 4), minval=low, maxval=high)


def transitions(success, reward=0.7, discount=1.0):
    success = jnp.asarray(success)
    return Transition((), (), jnp.full(success.shape, reward), jnp.full(success.shape, discount), (), success, (), ())


@pytest.mark.parametrize("clip", ["hard", "soft"])
def test_no_correction_leaves_the_box_whatever_the_networks_say(clip):
    for correction in (-1.0, 1.0):
        action = losses.edit(actions(0), jnp.full((*ROWS, 4), correction), 2.0, clip)
        assert jnp.all(jnp.abs(action) <= 1.0)
        np.testing.assert_allclose(action, correction, atol=0.07)  # kappa = 2 reaches either border from anywhere


def test_range_zero_or_correction_zero_returns_the_very_proposal():
    np.testing.assert_array_equal(losses.edit(actions(0), actions(1), 0.0), actions(0))
    np.testing.assert_array_equal(losses.edit(actions(0), jnp.zeros((*ROWS, 4)), 2.0), actions(0))


def test_the_soft_clip_has_a_gradient_beyond_the_border_and_the_hard_one_none():
    def gradient(clip):
        return jax.grad(lambda a: losses.edit(a, jnp.full((1, 1, 1), 0.1), 2.0, clip).sum())(jnp.full((1, 1, 1), 0.95))

    assert gradient("hard").item() == 0.0
    assert gradient("soft").item() > 0.1


def test_hinge_distance_is_the_loss_of_value_and_pays_nothing_for_a_gain():
    proposed, value = jnp.array([[3.0, 1.0, 2.0]]), jnp.array([[1.0, 4.0, 2.0]])
    np.testing.assert_array_equal(losses.hinge_distance(proposed, value), [[2.0, 0.0, 0.0]])
    gradients = jax.grad(lambda *args: losses.hinge_distance(*args).sum(), argnums=(0, 1))(proposed, value)
    np.testing.assert_array_equal(gradients, [[[0.0, 0.0, 0.0]], [[-1.0, 0.0, 0.0]]])


def test_squared_distance_is_the_mean_over_components_and_moves_the_action_only():
    proposal, action = jnp.zeros((1, 1, 4)), jnp.array([[[1.0, 0.0, 0.0, -1.0]]])
    assert losses.squared_distance(proposal, action).item() == 0.5
    gradients = jax.grad(lambda *args: losses.squared_distance(*args).sum(), argnums=(0, 1))(proposal, action)
    np.testing.assert_array_equal(gradients, [[[[0.0] * 4]], [[[0.5, 0.0, 0.0, -0.5]]]])


def loss_gradients(multiplier, temperature=0.0):
    """Gradients to log density, distance and success value, for one task of four rows."""
    rows = jnp.arange(4.0)[None]
    return jax.grad(losses.correction_loss, argnums=(0, 1, 2))(
        rows, rows, rows, jnp.full(1, temperature), jnp.full(1, multiplier), jnp.ones(1)
    )


def test_multiplier_zero_ignores_success_and_multiplier_one_shares_equally():
    np.testing.assert_array_equal(loss_gradients(0.0), [[[0.0] * 4], [[0.25] * 4], [[0.0] * 4]])
    np.testing.assert_array_equal(loss_gradients(1.0, 2.0), [[[0.5] * 4], [[0.125] * 4], [[-0.125] * 4]])


def test_an_endless_multiplier_ignores_distance_and_is_the_proposing_policys_loss_of_success():
    np.testing.assert_allclose(loss_gradients(1e9), [[[0.0] * 4], [[0.0] * 4], [[-0.25] * 4]], atol=1e-8)


def test_multiplier_and_temperature_get_no_gradient_from_the_correction_loss():
    rows = jnp.arange(4.0)[None]
    one = jnp.ones(1)
    gradients = jax.grad(losses.correction_loss, argnums=(3, 4))(rows, rows, rows, one, one, one)
    np.testing.assert_array_equal(gradients, [[0.0], [0.0]])


def test_sparse_targets_have_no_gradient_and_stay_within_what_rewards_can_sum_to():
    one = jnp.ones((1, 1))
    assert losses.sparse_target(one, GAMMA * one, 500.0 * one, (0.0, 100.0)).item() == 100.0
    assert losses.sparse_target(0.0 * one, GAMMA * one, -3.0 * one, (0.0, 100.0)).item() == 0.0
    assert jax.grad(lambda v: losses.sparse_target(one, one, v, (0.0, 100.0)).sum())(one).item() == 0.0


def fixed_point(form, success, steps=6000):
    """Value iteration over a chain of states that ends in a loop; `success[k]` on leaving state k."""
    batch, form = transitions([success]), FORMS[form]
    reward, discount, bounds = form.reward(batch), GAMMA * form.discount(batch), form.bounds(GAMMA)

    def sweep(_, value):
        following = jnp.concatenate([value[:, 1:], value[:, -1:]], axis=1)
        return losses.sparse_target(reward, discount, following, bounds)

    return jax.jit(lambda: jax.lax.fori_loop(0, steps, sweep, jnp.zeros(reward.shape)))()[0]


@pytest.mark.usefixtures("x64")
def test_value_of_a_success_that_lasts_is_gamma_to_the_steps_until_it():
    steps = np.arange(4, -1, -1)  # states 0..4, the last succeeds for ever
    chain = [False] * 4 + [True]
    np.testing.assert_allclose(fixed_point("every", chain), GAMMA**steps / (1 - GAMMA), rtol=1e-10)
    np.testing.assert_allclose(fixed_point("first", chain), GAMMA**steps, rtol=1e-10)
    np.testing.assert_allclose(fixed_point("cost", chain), -(1 - GAMMA**steps) / (1 - GAMMA), rtol=1e-10, atol=1e-9)


@pytest.mark.usefixtures("x64")
def test_without_success_values_go_to_zero_and_with_nothing_else_to_one_hundred():
    np.testing.assert_array_equal(fixed_point("every", [False]), [0.0])
    np.testing.assert_allclose(fixed_point("every", [True]), [100.0], rtol=1e-10)


def test_a_first_success_ends_the_count_of_the_first_form_only():
    batch = transitions([[True, False]])
    np.testing.assert_array_equal(FORMS["first"].discount(batch), [[0.0, 1.0]])
    np.testing.assert_array_equal(FORMS["every"].discount(batch), [[1.0, 1.0]])


def test_the_dense_form_is_the_reward_itself():
    np.testing.assert_array_equal(FORMS["dense"].reward(transitions([[True, False]])), jnp.full((1, 2), 0.7))


@pytest.mark.parametrize(("form", "score"), [("every", 0.3), ("first", 1.0), ("cost", 0.3), ("dense", 0.3)])
def test_an_episode_with_3_successful_steps_of_10_counts_as(form, score):
    close(FORMS[form].score(jnp.array([3.0]), 10), jnp.array([score]))


def test_the_running_mean_is_unbiased_from_the_first_value_on():
    running = running_mean.init((2,))
    np.testing.assert_array_equal(running_mean.mean(running), [0.0, 0.0])
    running = running_mean.add(running, jnp.array([2.0, -4.0]), 0.9)
    np.testing.assert_allclose(running_mean.mean(running), [2.0, -4.0], rtol=1e-6)
    running = running_mean.add(running, jnp.array([0.0, 0.0]), 0.9)
    np.testing.assert_allclose(running_mean.mean(running), np.array([2.0, -4.0]) * 0.9 / 1.9, rtol=1e-6)


@pytest.mark.usefixtures("x64")
def test_the_proposing_policys_gradient_passes_through_the_edit_and_through_the_correction():
    kappa, answer = 0.5, jnp.array([[0.3, -0.2], [0.1, 0.4]])  # da = answer @ a_hat, inside the box
    proposal = jnp.array([0.2, -0.3])

    def executed(proposal):
        return losses.edit(proposal, answer @ proposal, kappa)

    np.testing.assert_allclose(jax.jacobian(executed)(proposal), jnp.eye(2) + kappa * answer, rtol=1e-12)

    def values(critic, features, action):  # two critics, the first the smaller: [E, N, B]
        value = jnp.sum(jnp.sin(3.0 * action), axis=-1)
        return jnp.stack([value, value + 1.0])

    networks = sac.Networks(*[None] * 5, values)

    def objective(proposal):
        action = executed(proposal)[None, None]
        return linearised_q(sac.Algorithm(sac.Config(), networks), (), (), action)(action)[0, 0]

    step = 1e-6 * jnp.eye(2)
    differences = [(objective(proposal + one) - objective(proposal - one)) / 2e-6 for one in step]
    np.testing.assert_allclose(jax.grad(objective)(proposal), jnp.stack(differences), rtol=1e-8)


def test_dense_targets_count_the_entropy_of_the_proposing_policy_and_targets_of_success_do_not():
    params = sac.Parameters((), (), (), (), log_temperature=jnp.log(jnp.array([2.0])))
    values, log_prob = critics.Kinds(*jnp.array([[[10.0]], [[1.2]]])), jnp.full((1, 1), -1.5)
    batch = transitions([[True]], reward=0.7)
    dense, sparse = critics.targets(Config(discount=0.5), params, batch, values, log_prob)
    np.testing.assert_allclose(dense, [[0.7 + 0.5 * (10.0 + 2.0 * 1.5)]], rtol=1e-6)
    np.testing.assert_allclose(sparse, [[1.0 + 0.5 * 1.2]], rtol=1e-6)
    _, sparse = critics.targets(
        Config(discount=0.5), params, batch, critics.Kinds(*jnp.array([[[1000.0]], [[120.0]]])), log_prob
    )
    np.testing.assert_allclose(sparse, [[1.0 / (1.0 - 0.5)]], rtol=1e-6)  # what success at every step sums to
    dense, _ = critics.targets(Config(discount=0.5, entropy_in_target=False), params, batch, values, log_prob)
    np.testing.assert_allclose(dense, [[0.7 + 0.5 * 10.0]], rtol=1e-6)


def case(action, values, proposed_value, size):
    """One task of one row; slopes 0."""
    one, action = jnp.ones((1, 1)), jnp.full((1, 1, 2), action)
    judged = critics.Judged(action, *(LinearisedQ(value * one, jnp.zeros((1, 1, 2))) for value in values))
    seen = running_mean.add(running_mean.init((1,)), jnp.full(1, size), 0.99)
    return policies.Case((), jnp.zeros((1, 1, 2)), proposed_value * one, judged, seen, jnp.ones(1), jnp.ones(1)), action


@pytest.mark.parametrize(
    ("settings", "distance", "success"),
    [
        ({}, (50.0 - 30.0) / 200.0, 80.0 * (1 - GAMMA)),
        ({"normalize": False}, 50.0 - 30.0, 80.0),
        ({"distance": "mse"}, 0.25, 80.0 * (1 - GAMMA)),
        ({"correction_reward": "first"}, 20.0 / 200.0, 80.0),
        ({"correction_reward": "cost"}, 20.0 / 200.0, 80.0 * (1 - GAMMA)),
        ({"correction_reward": "dense"}, 20.0 / 200.0, 80.0 / 200.0),
    ],
)
def test_dense_values_count_in_their_running_size_and_values_of_success_in_their_range(settings, distance, success):
    arguments = case(action=0.5, values=(30.0, 80.0), proposed_value=50.0, size=200.0)
    computed = policies.distance_and_success(Config(**settings), *arguments)
    np.testing.assert_allclose(computed, [[[distance]], [[success]]], rtol=1e-5)


def test_the_running_size_of_dense_values_is_never_taken_for_zero():
    distance, _ = policies.distance_and_success(Config(), *case(0.5, (0.0, 0.0), proposed_value=1e-3, size=0.0))
    np.testing.assert_allclose(distance, [[1.0]], rtol=1e-5)
