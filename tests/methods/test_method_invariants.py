"""What must hold of each method whatever its parameters are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close
from method_examples import ROWS, SPEC, as_written, random_batch, settings, small, start

from cmta_jax import sac
from cmta_jax.networks.heads import MultiHead, PerTask
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.mlp import MLP
from cmta_jax.networks.soft_modularization import OriginalRouting, Routing, SoftModules, mix
from cmta_jax.sac.optimisers import descend, transforms
from cmta_jax.sac.update import update
from cmta_jax.types import Spec

N, B, D = SPEC.num_tasks, ROWS, 4
CARE = {"temporal": False, "attention_hidden": (6,), "detach_task": False}


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def started(module, *inputs):
    """The module's output and parameters."""
    return as_written(module.init_with_output)(jax.random.key(0), *inputs)


def test_one_expert_is_a_plain_encoder():
    module = MixtureEncoder(num_experts=1, features=6, **CARE)
    (encoding, intermediates), params = started(module, normal(0, N, B, D), normal(1, N, 6), ())
    expert = jax.tree.map(lambda leaf: leaf[0], params["params"]["experts"])
    close(encoding, as_written(MLP((6,), 6).apply)({"params": expert}, normal(0, N, B, D)))
    np.testing.assert_array_equal(intermediates.attention, 1.0)


def test_care_attends_by_task_alone():
    networks = small_networks("care")

    @as_written
    def encode(observation):
        params = networks.init(jax.random.key(0))
        return networks.encode(params["encoder"], networks.encode_tasks(params["task_encoder"]), observation, ())

    _, intermediates = encode(normal(0, N, B, SPEC.observation_dim))
    close(intermediates.attention, jnp.broadcast_to(intermediates.attention[:, :1], intermediates.attention.shape))
    assert np.ptp(intermediates.attention[:, 0], axis=0).max() > 1e-3


def small_networks(name, **settings):
    return small(name, **settings).networks


@pytest.mark.parametrize("routing", [Routing(3, 4, 6), OriginalRouting(3, 4)])
def test_every_mixing_is_a_weighted_mean_of_its_sources(routing):
    routes, _ = started(routing, normal(0, N, B, 6))
    assert len(routes) == 3
    for route in routes:
        assert route.shape[1:] == (4, N, B) and jnp.all(route > 0)
        close(route.sum(axis=1), jnp.ones_like(route[:, 0]))


def test_one_module_per_layer_is_an_mlp():
    module = SoftModules(output_dim=2, layers=2, modules=1, features=6)
    inputs, task = normal(0, N, B, D), normal(1, N, B, D)
    output, params = started(module, inputs, task)
    layers = [params["params"][name]["Dense_0"] for name in ("layer_0", "layer_1", "output")]
    plain = {f"Dense_{i}": jax.tree.map(lambda leaf: leaf[0], layer) for i, layer in enumerate(layers)}
    close(output, as_written(MLP((6, 6), 2).apply)({"params": plain}, inputs))


def test_loss_weights_grow_where_the_temperature_is_low_and_their_mean_is_one():
    weights = small_networks("soft_modularization, original").task_weights(jnp.log(jnp.array([1.0, 2.0, 4.0])))
    close(weights, 3 * jnp.array([4, 2, 1]) / 7)


def test_a_head_gets_no_gradient_from_other_tasks():
    module, inputs = MultiHead((6, 6), 2), normal(0, N, B, D)
    _, params = started(module, inputs)
    gradient = as_written(jax.grad(lambda params: module.apply(params, inputs)[1].sum()))(params)["params"]
    for leaf in jax.tree.leaves(gradient["heads"]):
        assert not leaf[0].any() and leaf[1].any() and not leaf[2].any()
    assert all(leaf.any() for leaf in jax.tree.leaves(gradient["shared"]))


def test_single_task_networks_are_separate_networks_with_block_diagonal_gradients():
    module, inputs = PerTask((6, 6), 2), normal(0, N, B, D)
    output, params = started(module, inputs)
    alone = jax.tree.map(np.asarray, params["params"]["tasks"])
    one = as_written(MLP((6, 6), 2).apply)
    for i in range(N):
        close(output[i], one({"params": jax.tree.map(lambda leaf, i=i: leaf[i], alone)}, inputs[i]))
    blocks = as_written(jax.jacrev(lambda params: module.apply(params, inputs).sum(axis=(1, 2))))(params)
    for leaf in jax.tree.leaves(blocks):  # [output task, parameters' task, ...]
        others = leaf[~np.eye(N, dtype=bool)]
        assert not others.any() and jnp.all(jnp.any(leaf[np.eye(N, dtype=bool)].reshape(N, -1), axis=1))


def test_one_joint_adam_equals_an_adam_per_task():
    adam = transforms(sac.Config()).critic
    joint = alone = normal(7, N, D)
    joint_state, alone_state = as_written(lambda: (adam.init(joint), jax.vmap(adam.init)(alone)))()
    step = as_written(lambda *args: descend(adam, *args))
    step_alone = as_written(jax.vmap(lambda *args: descend(adam, *args)))
    for seed in range(3):
        gradients = np.asarray(normal(seed, N, D)) * np.array([[1.0], [10.0], [100.0]], np.float32)
        joint, joint_state = step(gradients, joint_state, joint)
        alone, alone_state = step_alone(gradients, alone_state, alone)
    close(joint, alone, rtol=1e-6)


def test_single_task_learners_learn_what_each_would_learn_alone():
    method = small("single_task_sac")
    state, batch = start(method), random_batch(0, method)
    noise = as_written(sac.draw_noise)(jax.random.key(1), batch.action)
    config = settings("single_task_sac")
    together, _ = as_written(lambda *args: update(sac.Algorithm(config, method.networks), *args))(state, batch, noise)
    spec = Spec(SPEC.task_names[:1], SPEC.observation_dim, SPEC.action_dim)
    one = small("single_task_sac", spec)
    update_one = as_written(lambda *args: update(sac.Algorithm(config, one.networks), *args))
    for i in range(N):
        rows = jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], (batch, noise))
        alone, _ = update_one(task_of(state, i), *rows)
        close(task_of(together, i).params, alone.params, rtol=1e-4, size=0.01)  # Adam's epsilon sees gradients / N


def task_of(state, index):
    """The learner of one task: critics are [E, N, ...], counters have no tasks, everything else is [N, ...]."""

    def pick(path, leaf):
        critic = (
            any(str(getattr(step, "name", getattr(step, "key", ""))) == "critic" for step in path) and leaf.ndim > 1
        )
        return leaf[:, index : index + 1] if critic else leaf[index : index + 1] if leaf.ndim else leaf

    return jax.tree_util.tree_map_with_path(pick, state)


@pytest.mark.parametrize("features", [8, 12, 5])
def test_a_mix_and_its_gradients_are_those_of_the_sum_over_sources(features):
    route = normal(0, 2, 3, 4, 5)  # targets, sources, N, B
    hidden, gradient = (normal(m, m, 4, 5, features) for m in (3, 2))

    def with_gradients(mixing):
        def both(route, hidden, gradient):
            mixed, pull_back = jax.vjp(mixing, route, hidden)
            return mixed, pull_back(gradient)

        return as_written(both)(route, hidden, gradient)

    expected = with_gradients(lambda p, x: jnp.einsum("ijnb,jnbd->inbd", p, x))
    close(with_gradients(mix), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["mtmhsac", "soft_modularization, original"])
def test_tasks_in_another_order_learn_the_same_in_that_order(name):
    """Parameters that belong to a task move with it; those that all share stay."""
    order, method = jnp.array([2, 0, 1]), small(name)
    state, batch = start(method), random_batch(0, method)
    noise = as_written(sac.draw_noise)(jax.random.key(1), batch.action)
    config = settings(name)
    learn = as_written(lambda *args: update(sac.Algorithm(config, method.networks), *args)[0].params)

    def moved(path, leaf):
        names = [str(getattr(step, "key", getattr(step, "name", ""))) for step in path]
        if "log_temperature" in names or ("temperature" in names and leaf.ndim):
            return leaf[order]
        if "heads" in names or names[-2:] == ["task", "kernel"]:
            return leaf[:, order] if "critic" in names else leaf[order]
        return leaf

    def permuted(tree):
        return jax.tree_util.tree_map_with_path(moved, tree)

    batch_moved, noise_moved = jax.tree.map(lambda leaf: leaf[order], (batch, noise))
    close(learn(permuted(state), batch_moved, noise_moved), permuted(learn(state, batch, noise)), rtol=1e-4, size=0.1)


def test_clipping_would_couple_single_task_learners_and_is_refused():
    with pytest.raises(ValueError, match="--max_gradient_norm would couple"):
        small("single_task_sac", max_gradient_norm=1.0)
