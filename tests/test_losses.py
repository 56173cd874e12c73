"""Losses against numbers worked out on paper (docs/methods.md, 2.6)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from method_examples import as_written

from cmta_jax import losses

contrast = as_written(losses.contrastive_loss)


def orthonormal_experts(num_experts=6, tasks=2, batch=3, features=8):
    basis = np.eye(features, dtype=np.float32)[:num_experts]
    return np.broadcast_to(basis[:, None, None], (num_experts, tasks, batch, features))


def random_encodings(seed, num_experts=6):
    return np.random.default_rng(seed).normal(size=(num_experts, 2, 5, 7)).astype(np.float32)


@pytest.mark.parametrize("num_experts", [1, 2, 6])
def test_contrast_of_equal_experts_is_k_log_k(num_experts):
    encodings = np.broadcast_to(np.arange(1.0, 5.0, dtype=np.float32), (num_experts, 2, 3, 4))
    loss = contrast(encodings, encodings, 0.1)
    np.testing.assert_allclose(loss, num_experts * np.log(num_experts), atol=1e-5)


def test_contrast_of_orthonormal_experts_is_six_log_one_plus_five_e_minus_ten():
    encodings = orthonormal_experts()
    loss = contrast(encodings, encodings, 0.1)
    np.testing.assert_allclose(loss, 6 * np.log1p(5 * np.exp(-10.0)), rtol=1e-3)


def test_contrast_does_not_depend_on_the_order_of_experts():
    now, after = random_encodings(0), random_encodings(1)
    order = np.array([3, 1, 5, 0, 4, 2])
    np.testing.assert_allclose(contrast(now, after, 0.1), contrast(now[order], after[order], 0.1), rtol=1e-5)


def test_contrast_does_not_depend_on_the_length_of_encodings():
    now, after = random_encodings(0), random_encodings(1)
    np.testing.assert_allclose(contrast(now, after, 0.1), contrast(3.0 * now, 0.2 * after, 0.1), rtol=1e-5)


def test_a_floor_keeps_what_is_above_it_and_pushes_nothing_below_it():
    now, after = random_encodings(0), random_encodings(1)
    loss = as_written(jax.value_and_grad(losses.contrastive_loss), static_argnums=3)
    close(loss(now, after, 0.1, -0.999), loss(now, after, 0.1))  # no cosine of these is lower
    opposite = np.array([[1.0, 0.0], [-1.0, 0.1]], np.float32)[:, None, None]
    unpushed, gradient = loss(opposite, opposite, 0.1, 0.0)
    close(unpushed, 2 * np.log1p(np.exp(-10.0)), size=1.0)  # as for orthogonal experts: positive 1, negative 0
    close(gradient, np.zeros_like(gradient), size=1.0)
    assert np.abs(loss(opposite, opposite, 0.1)[1]).max() < 1e-6, "they are almost opposite"
    near = np.array([[1.0, 0.0], [1.0, 1.0]], np.float32)[:, None, None]
    close(loss(near, near, 0.1, 0.0), loss(near, near, 0.1))  # cosine 0.7


def test_contrast_is_finite_for_encodings_that_are_zero():
    loss, gradient = as_written(jax.value_and_grad(losses.contrastive_loss))(
        jnp.zeros((6, 1, 2, 4)), jnp.ones((6, 1, 2, 4)), 0.1
    )
    assert np.isfinite(loss) and np.isfinite(gradient).all()


def test_critic_loss_adds_critics_and_averages_rows():
    values = jnp.array([[[1.0, 2.0]], [[0.0, 4.0]]])  # [E=2, N=1, B=2]
    target = jnp.array([[1.0, 1.0]])
    # critic 1: (0 + 1) / 2, critic 2: (1 + 9) / 2
    close(losses.critic_loss(values, target, jnp.ones(1)), 5.5)


def test_bellman_target_bootstraps_unless_the_episode_terminated():
    reward, value = jnp.array([[1.0, 1.0]]), jnp.array([[10.0, 10.0]])
    target = losses.bellman_target(reward, jnp.array([[0.9, 0.0]]), value)
    close(target, jnp.array([[10.0, 1.0]]))


def test_actor_loss_weighs_entropy_by_each_tasks_temperature():
    log_prob, value = jnp.array([[2.0], [2.0]]), jnp.array([[1.0], [1.0]])
    # task 1: 0.5 * 2 - 1 = 0, task 2: 3 * 2 - 1 = 5
    close(losses.actor_loss(log_prob, value, jnp.array([0.5, 3.0]), jnp.ones(2)), 2.5)


def test_temperature_gradient_of_a_task_depends_on_its_own_rows_only():
    gradient = jax.grad(losses.temperature_loss)
    log_temperature, log_prob = jnp.zeros(2), jnp.array([[1.0, 3.0], [5.0, 5.0]])
    # mean over 4 rows of exp(0) * (-log_prob + 4): task 1 (3 + 1) / 4, task 2 (-1 - 1) / 4
    close(gradient(log_temperature, log_prob, -4.0), jnp.array([1.0, -0.5]))
    other = gradient(log_temperature, log_prob.at[1].set(9.0), -4.0)
    close(other[0], 1.0)


def test_cosines_and_their_gradients_are_the_same_as_products_and_as_sums(monkeypatch):
    encodings, weights = random_encodings(0, 3), jax.random.normal(jax.random.key(1), (3, 3, 2, 5))

    def value_and_gradient(platform):
        monkeypatch.setattr(jax.lax, "platform_dependent", lambda *inputs, **ways: ways[platform](*inputs))
        return jax.value_and_grad(lambda encodings: (weights * losses.cosines(encodings)).sum())(encodings)

    close(value_and_gradient("cpu"), value_and_gradient("default"))
    unit = encodings / jnp.linalg.norm(encodings, axis=-1, keepdims=True)
    close(losses.cosines(encodings)[0, 2], (unit[0] * unit[2]).sum(axis=-1))
