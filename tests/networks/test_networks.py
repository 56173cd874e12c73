"""Shapes, sizes and invariants of the networks (docs/methods.md, 1.5 and 2)."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from method_examples import as_written

from cmta_jax import sac
from cmta_jax.methods import cmta
from cmta_jax.networks.heads import Actor, Critics
from cmta_jax.networks.lstm import Memory, reset_where, zero_carry
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.mlp import MLP, ensemble
from cmta_jax.networks.task_encoder import TaskEncoder
from cmta_jax.sac.optimisers import follow
from cmta_jax.types import History, Spec

N, B, D, K, H, T = 3, 5, 7, 4, 6, 8


def number_of(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.fixture(scope="module")
def mixture():
    module = MixtureEncoder(num_experts=K, features=H)
    inputs = normal(0, N, B, D), normal(1, N, H), (normal(2, N, B, H), normal(3, N, B, H))
    return module, as_written(module.init)(jax.random.key(4), *inputs), inputs


@functools.cache
def applied(module):
    """Its `apply`, compiled."""
    return as_written(module.apply)


def test_a_mixtures_intermediates_are_experts_attention_and_carry(mixture):
    module, params, inputs = mixture
    encoding, intermediates = applied(module)(params, *inputs)
    chex.assert_shape(encoding, (N, B, H))
    chex.assert_shape(intermediates.experts, (K, N, B, H))
    chex.assert_shape(intermediates.attention, (N, B, K))
    chex.assert_shape(intermediates.carry, (N, B, H))


def test_attention_sums_to_one(mixture):
    module, params, inputs = mixture
    _, intermediates = applied(module)(params, *inputs)
    np.testing.assert_allclose(intermediates.attention.sum(-1), 1.0, rtol=1e-6)


def test_zero_attention_weights_mix_the_experts_evenly(mixture):
    module, params, inputs = mixture
    flat = {"params": {**params["params"], "attention": jax.tree.map(jnp.zeros_like, params["params"]["attention"])}}
    encoding, intermediates = applied(module)(flat, *inputs)
    np.testing.assert_allclose(intermediates.attention, 1 / K, rtol=1e-6)
    close(encoding, intermediates.experts.mean(0), rtol=1e-5)


def test_permuted_experts_with_permuted_attention_give_the_same_encoding(mixture):
    module, params, inputs = mixture
    order = jnp.array([2, 0, 3, 1])
    parts = dict(params["params"])
    parts["experts"] = jax.tree.map(lambda leaf: leaf[order], parts["experts"])
    parts["attention"] = jax.tree.map(lambda leaf: leaf[..., order], parts["attention"])
    close(applied(module)({"params": parts}, *inputs)[0], applied(module)(params, *inputs)[0], rtol=1e-5)


def test_without_temporal_information_there_is_no_carry():
    module = MixtureEncoder(num_experts=K, features=H, temporal=False)
    observation, tasks = normal(0, N, B, D), normal(1, N, H)
    (_, intermediates), params = as_written(module.init_with_output)(jax.random.key(0), observation, tasks, ())
    assert "memory" not in params["params"] and intermediates.carry == ()
    np.testing.assert_array_equal(
        intermediates.attention, jnp.broadcast_to(intermediates.attention[:, :1], intermediates.attention.shape)
    )


def test_without_temporal_information_equals_an_lstm_of_zeros(mixture):
    module, params, (observation, tasks, _) = mixture
    silent = jax.tree.map(jnp.zeros_like, params["params"]["memory"])
    with_zeros, _ = applied(module)(
        {"params": {**params["params"], "memory": silent}}, observation, tasks, zero_carry(H, (N, B))
    )
    kernel = params["params"]["attention"]["Dense_0"]
    attention = {"Dense_0": {"kernel": kernel["kernel"][:H], "bias": kernel["bias"]}}
    without = MixtureEncoder(num_experts=K, features=H, temporal=False)
    parts = {"experts": params["params"]["experts"], "attention": attention}
    close(applied(without)({"params": parts}, observation, tasks, ())[0], with_zeros, rtol=1e-5)


def test_a_history_stands_for_the_carry_after_its_steps(mixture):
    """Steps that were not seen leave the carry as it is."""
    module, params, (observation, tasks, start) = mixture
    observations = normal(5, T, N, B, D)
    seen = jnp.arange(T)[:, None, None] >= jnp.arange(N * B).reshape(1, N, B) % (T + 1)  # all, some or no steps
    carry = start
    for past, here in zip(observations, seen, strict=True):
        _, at = applied(module)(params, past, tasks, carry)
        carry = jax.tree.map(lambda new, old, here=here: jnp.where(here[..., None], new, old), at.carry, carry)
    expected, there = applied(module)(params, observation, tasks, carry)
    found, at = applied(module)(params, observation, tasks, History(start, observations, seen))
    close(found, expected, rtol=1e-4)
    chex.assert_trees_all_equal_shapes(at, there)
    close(at.carry[0], there.carry[0], rtol=1e-4)


def test_a_history_carries_the_gradient_to_its_first_step(mixture):
    module, params, (observation, tasks, start) = mixture
    observations, seen = normal(5, T, N, B, D), jnp.ones((T, N, B), bool).at[0, 0].set(False)

    def total(observations):
        return module.apply(params, observation, tasks, History(start, observations, seen))[0].sum()

    gradient = np.asarray(as_written(jax.grad(total))(observations))
    assert np.abs(gradient[0, 1:]).max() > 0 and not gradient[0, 0].any()


def test_the_carry_of_a_lane_is_reset_where_its_episode_begins():
    carry = (jnp.ones((N, 2, H)), jnp.ones((N, 2, H)))
    first = jnp.array([[True, False], [False, False], [True, True]])
    hidden, cell = reset_where(first, carry)
    np.testing.assert_array_equal(hidden, np.where(first[..., None], 0.0, np.ones((N, 2, H))))
    np.testing.assert_array_equal(cell, hidden)
    assert reset_where(first, ()) == ()


def test_vmapped_experts_equal_separate_experts():
    experts, inputs = ensemble(MLP, K)((H,), H), normal(0, N, B, D)
    together, params = as_written(experts.init_with_output)(jax.random.key(0), inputs)
    for index in range(K):
        alone = applied(MLP((H,), H))(jax.tree.map(lambda leaf, i=index: leaf[i], params), inputs)
        close(together[index], alone, rtol=1e-5)


def test_each_expert_and_each_critic_starts_differently():
    for module, inputs in ((ensemble(MLP, 2)((H,), H), (normal(0, N, B, D),)),
                           (Critics((H,)), (normal(0, N, B, D), normal(1, N, B, 4)))):  # fmt: skip
        kernels = [
            leaf for leaf in jax.tree.leaves(as_written(module.init)(jax.random.key(0), *inputs)) if leaf.ndim == 3
        ]
        assert kernels and all(np.abs(kernel[0] - kernel[1]).max() > 0.01 for kernel in kernels)


def on_platform(monkeypatch, name):
    """Everything traced from here on is what is compiled for a platform."""
    chosen = "cpu" if name == "cpu" else "default"
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *inputs, **ways: ways[chosen](*inputs))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_experts_and_their_gradients_are_the_same_on_a_gpu(mixture, monkeypatch, dtype):
    _, params, inputs = mixture
    module, weights = MixtureEncoder(num_experts=K, features=H, dtype=dtype), normal(5, K, N, B, H)

    def value_and_gradient(platform):
        on_platform(monkeypatch, platform)

        def value(params):
            experts = module.apply(params, *inputs)[1].experts
            return (weights * experts).sum(), experts

        return as_written(jax.value_and_grad(value, has_aux=True))(params)

    close(value_and_gradient("cpu"), value_and_gradient("gpu"), rtol=1e-5 if dtype == "float32" else 2e-2)


def test_critics_and_their_gradients_are_the_same_one_by_one_as_in_one_batch(monkeypatch):
    critics, inputs = Critics((H, H)), (normal(0, N, B, D), normal(1, N, B, 4))
    params = as_written(critics.init)(jax.random.key(0), *inputs)
    weights, number_of_products = normal(2, 2, N, B), {}

    def value_and_gradient(platform):
        on_platform(monkeypatch, platform)
        number_of_products[platform] = str(jax.make_jaxpr(critics.apply)(params, *inputs)).count("dot_general")
        return as_written(jax.value_and_grad(lambda params: (weights * critics.apply(params, *inputs)).sum()))(params)

    close(value_and_gradient("cpu"), value_and_gradient("gpu"), rtol=1e-5)
    assert number_of_products == {"cpu": 6, "gpu": 3}


def test_actor_and_critic_shapes():
    features, action = normal(0, N, B, D), normal(1, N, B, 4)
    policy = jax.eval_shape(Actor((H,), 4).init_with_output, jax.random.key(0), features)[0]
    value = jax.eval_shape(Critics((H,), 2).init_with_output, jax.random.key(0), features, action)[0]
    assert (policy.shape, value.shape) == ((N, B, 8), (2, N, B))


def test_task_encoder_gives_one_encoding_per_task():
    assert jax.eval_shape(TaskEncoder(N, H).init_with_output, jax.random.key(0))[0].shape == (N, H)


def test_a_given_embedding_is_frozen():
    module = TaskEncoder(2, H, embedding=((1.0, 2.0, 3.0), (0.0, -1.0, 1.0)))
    encodings, params = jax.eval_shape(module.init_with_output, jax.random.key(0))
    assert encodings.shape == (2, H)
    assert "embedding" not in params["params"]


@pytest.mark.parametrize(("observation_dim", "experts", "memory"), [(12, 29_952, 19_968), (39, 40_320, 26_880)])
def test_parameter_counts_are_the_papers(observation_dim, experts, memory):
    spec = Spec(tuple("abcdefghij"), observation_dim, 4)
    init = cmta.networks(cmta.Config(task_encoder_depth="reference"), spec).init
    params = jax.eval_shape(init, jax.random.key(0))
    parts = params["encoder"]["params"]
    assert number_of(parts["experts"]) == experts
    assert number_of(parts["memory"]) == memory
    assert number_of(parts["attention"]) == 774
    assert number_of(params["task_encoder"]) == 25_536
    assert number_of(params["actor"]) == 595_464
    assert number_of(params["critic"]) == 2 * 593_921


def test_initialisation_is_xavier_for_linear_layers_and_uniform_for_the_memory():
    kernel = as_written(MLP((), 64).init)(jax.random.key(0), jnp.zeros((1, 39)))["params"]["Dense_0"]
    bound = np.sqrt(6 / (39 + 64))
    assert 0.95 * bound < np.abs(kernel["kernel"]).max() <= bound and not kernel["bias"].any()
    memory = as_written(Memory(64).init)(jax.random.key(0), zero_carry(64, (1,)), jnp.zeros((1, 39)))
    for leaf in jax.tree.leaves(memory):
        assert 0.95 / 8 < np.abs(leaf).max() <= 1 / 8


def test_targets_follow_with_their_own_rates():
    def networks_at(value):
        return jnp.full((3,), value)

    config = sac.Config()
    targets, params = (
        sac.Targets(networks_at(0.0), networks_at(0.0)),
        sac.Parameters((), networks_at(1.0), networks_at(1.0), (), ()),
    )
    for _ in range(10):
        targets = follow(config, targets, params)
    np.testing.assert_allclose(targets.critic, 1 - 0.995**10, rtol=1e-5)
    np.testing.assert_allclose(targets.encoder, 1 - 0.95**10, rtol=1e-5)
