"""The correction policy descends its loss (docs/methods.md, 6.5)."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from comparing import close
from tsac_examples import as_written

from cmta_jax import losses, sac
from cmta_jax.methods.tsac import critics, running_mean
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.policies import Algorithm, Case, correction_error, correction_step
from cmta_jax.methods.tsac.update import draw_noise
from cmta_jax.networks.correction import Correction
from cmta_jax.sac.optimisers import transforms

ROWS = (1, 32, 2)  # [N, B, A]
BEST = 0.4
COLD = jnp.array([-jnp.inf])  # log temperature of a policy without entropy bonus


def quadratic(critic, features, action):
    """Two critics, best at the action `critic` in every component: `[E, N, B]`."""
    value = -jnp.sum(jnp.square(action - critic), axis=-1)
    return jnp.stack([value, value + 1.0])


NETWORKS = sac.Networks(*[None] * 5, quadratic)


def case(algorithm, params, noise, best, multiplier):
    """Proposals at the dense optimum 0.4, edited, and judged by critics that are best at `best` (dense, success)."""
    features, proposal = jnp.ones((*ROWS[:2], 3)), jnp.full(ROWS, BEST)
    action, _ = algorithm.edit(params, features, proposal, noise)
    judged = critics.judge(algorithm.base, jnp.asarray(best), features, action)
    proposed_value = critics.dense_value(algorithm.base, jnp.asarray(best), features, proposal)
    size = running_mean.add(running_mean.init((1,)), jnp.ones(1), 0.99)
    return Case(features, proposal, proposed_value, judged, size, jnp.full(1, multiplier), jnp.ones(1))


def algorithm_and_params(perturbed=0.0, **settings):
    algorithm = Algorithm(Config(**settings), NETWORKS, Correction((16,), 2, log_std_bias=0.5))
    params = algorithm.module.init(jax.random.key(0), jnp.ones((*ROWS[:2], 3)), jnp.full(ROWS, BEST))
    params["params"]["mean"]["bias"] += perturbed
    return algorithm, params


def trained(best, multiplier, steps=400):
    """The mode of the executed action `[N, B, A]` after training from a correction policy that edits by some -0.4."""
    algorithm, params = algorithm_and_params(perturbed=-0.2, actor_learning_rate=1e-2)
    transform = transforms(algorithm.config).actor

    def step(carry, key):
        noise = jax.random.normal(key, ROWS)
        now = case(algorithm, carry[0], noise, best, multiplier)
        params, optimizer, *_ = correction_step(algorithm, *carry, COLD, now, noise)
        return (params, optimizer), None

    def run():
        (end, _), _ = jax.lax.scan(step, (params, transform.init(params)), jax.random.split(jax.random.key(1), steps))
        proposal = jnp.full(ROWS, BEST)
        return algorithm.executed(proposal, algorithm.policy(end, jnp.ones((*ROWS[:2], 3)), proposal).mode())

    return np.asarray(as_written(run)())


def test_with_multiplier_zero_the_correction_policy_learns_to_leave_the_optimum_alone():
    np.testing.assert_allclose(trained(best=(BEST, -0.6), multiplier=0.0), BEST, atol=0.03)


def test_with_an_endless_multiplier_it_goes_where_success_is_whatever_the_dense_reward_says():
    np.testing.assert_allclose(trained(best=(BEST, -0.6), multiplier=1e9), -0.6, atol=0.03)


def test_with_the_same_critics_for_both_it_ascends_what_the_proposing_policy_ascends():
    algorithm, params = algorithm_and_params(perturbed=-0.1, normalize=False, correction_reward="first")
    noise = jax.random.normal(jax.random.key(2), ROWS)

    def proposing(params):
        action, log_prob = algorithm.edit(params, jnp.ones((*ROWS[:2], 3)), jnp.full(ROWS, BEST), noise)
        value = jnp.min(quadratic(0.1, (), action), axis=0)
        return losses.actor_loss(log_prob, value, jnp.zeros(1), jnp.ones(1))

    def both():
        now = case(algorithm, params, noise, (0.1, 0.1), multiplier=1e9)
        correcting = jax.grad(lambda params: correction_error(algorithm, params, COLD, now, noise)[0])
        return correcting(params), jax.grad(proposing)(params)

    correcting, gradient = as_written(both)()
    close(correcting, gradient, rtol=1e-5, size=0.1)
    assert np.any(gradient["params"]["mean"]["bias"] != 0)


def test_the_correction_policys_noise_is_not_the_proposing_policys():
    noise = draw_noise(jax.random.key(0), jnp.zeros(ROWS))
    alone = sac.draw_noise(jax.random.key(0), jnp.zeros(ROWS))
    chex.assert_trees_all_equal(noise.proposal, alone)
    assert not np.any(noise.correction.action == alone.action)
