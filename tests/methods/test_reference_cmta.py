"""CMTA against the numbers of the authors' PyTorch code, in float64."""

import functools

import comparing
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_numbers as reference

from cmta_jax import losses, sac
from cmta_jax.distributions import TanhGaussian, rescaled_tanh
from cmta_jax.methods import cmta
from cmta_jax.networks.heads import Actor, Critics
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.task_encoder import TaskEncoder
from cmta_jax.sac.acting import acting
from cmta_jax.sac.optimisers import critic_group, transforms
from cmta_jax.sac.update import update
from cmta_jax.types import Spec

pytestmark = pytest.mark.usefixtures("x64")

SPEC = Spec(("a", "b", "c", "d"), observation_dim=12, action_dim=4)
CONFIG = cmta.Config(
    hidden_dim=24, encoding_dim=16, actor_encoder="frozen_random", task_encoder_depth="reference", batch_per_task=8
)


close = functools.partial(comparing.close, rtol=1e-9, size=1e-3)


def test_contrastive_loss_and_its_gradient():
    numbers = reference.load("infonce_tiny_f64")
    encodings, next_encodings = (numbers[name][:, None] for name in ("enc", "next_enc"))
    loss, gradients = jax.jit(jax.value_and_grad(losses.contrastive_loss, argnums=(0, 1)))(
        jnp.asarray(encodings), jnp.asarray(next_encodings), float(numbers["temperature"])
    )
    close(loss, numbers["loss_total"])
    close(gradients[0][:, 0], numbers["grad_enc"])
    close(gradients[1][:, 0], numbers["grad_next_enc_if_not_stopped"])


def test_task_encoder_and_its_gradient():
    numbers = reference.load("task_encoder_tiny_f64")
    module = TaskEncoder(num_tasks=4, features=16, depth="reference")

    def output(params):
        out = module.apply(params)[numbers["task_index"]]
        return jnp.sum(out * numbers["cotangent"]), out

    gradient, out = jax.jit(jax.grad(output, has_aux=True))(reference.task_encoder(numbers, "param/"))
    close(out, numbers["out"])
    close(gradient, reference.task_encoder(numbers, "grad/"))


def test_experts_memory_and_attention_and_their_gradients():
    numbers = reference.load("moe_rnn_attention_tiny_f64")
    module = MixtureEncoder(num_experts=6, features=16)
    inputs = {name: jnp.asarray(numbers[name]) for name in ("obs", "z_task", "h", "c")}

    def output(params, observation, tasks):  # every row is a task of its own: [N, 1, ...]
        carry = (inputs["h"][:, None], inputs["c"][:, None])
        encoding, intermediates = module.apply(params, observation[:, None], tasks, carry)
        return jnp.sum(encoding[:, 0] * numbers["cotangent"]), (encoding, intermediates)

    gradients, (encoding, intermediates) = jax.jit(jax.grad(output, argnums=(0, 1, 2), has_aux=True))(
        reference.mixture_encoder(numbers, "param/"), inputs["obs"], inputs["z_task"]
    )
    close(encoding[:, 0], numbers["z_enc"])
    close(intermediates.experts[:, :, 0], numbers["experts"])
    close(intermediates.attention[:, 0], numbers["alpha"])
    close([leaf[:, 0] for leaf in intermediates.carry], [numbers["next_h"], numbers["next_c"]])
    close(gradients, (reference.mixture_encoder(numbers, "grad/"), numbers["grad_obs"], numbers["grad_z_task"]))


def test_actor_log_probability_and_gradients():
    numbers = reference.load("actor_tiny_f64")
    module = Actor((24, 24, 24), action_dim=4)

    def output(params, features):
        mean, raw = jnp.split(module.apply(params, features[:, None]), 2, axis=-1)
        policy = TanhGaussian(mean, rescaled_tanh(raw))
        action, log_prob = policy.sample(jnp.asarray(numbers["noise"])[:, None])
        return log_prob.sum() + action.sum(), (policy.log_std, policy.mode(), action, log_prob)

    gradients, intermediates = jax.jit(jax.grad(output, argnums=(0, 1), has_aux=True))(
        reference.actor(numbers, "param/"), jnp.asarray(numbers["features"])
    )
    for value, name in zip(intermediates, ("log_std", "mu_tanh", "action", "log_prob"), strict=True):
        close(value[:, 0], numbers[name].squeeze() if name == "log_prob" else numbers[name], rtol=1e-7)
    close(gradients[0], reference.actor(numbers, "grad/"), rtol=1e-7, size=0.01)
    close(gradients[1], numbers["grad_features"], rtol=1e-7, size=0.01)


def test_twin_critics_and_gradient_to_the_action():
    numbers = reference.load("twin_q_tiny_f64")
    module = Critics((24, 24, 24))
    features = jnp.concatenate([numbers["z_enc"], numbers["z_task"]], axis=-1)[:, None]

    def output(action):
        values = module.apply(reference.critics(numbers, "param/"), features, action[:, None])
        return jnp.min(values, axis=0).sum(), values

    gradient, values = jax.jit(jax.grad(output, has_aux=True))(jnp.asarray(numbers["action"]))
    close(values[:, :, 0], np.stack([numbers["q1"][:, 0], numbers["q2"][:, 0]]))
    close(gradient, numbers["grad_action_of_min"])


@pytest.mark.parametrize(("explore", "name"), [(True, "action_sampled"), (False, "action_mean")])
def test_acting_over_five_steps(monkeypatch, explore, name):
    numbers = reference.load("act_rollout_tiny_f64")
    networks = cmta.networks(CONFIG, SPEC)
    act = acting(sac.Algorithm(CONFIG, networks))
    own = reference.mixture_encoder(numbers, "param/actor.encoder.")["params"]
    params = sac.Parameters(
        reference.actor(numbers, "param/actor."), (), {"params": own},
        reference.task_encoder(numbers, "param/task_encoder."), jnp.zeros(4),
    )  # fmt: skip
    carry = jax.tree.map(
        lambda leaf: leaf.astype(float) + 7.0, networks.begin(1)
    )  # of an earlier episode: must be reset
    for step, observation in enumerate(numbers["obs"]):
        monkeypatch.setattr(jax.random, "normal", lambda *_, noise=numbers["noise"][step]: jnp.asarray(noise)[:, None])
        first = jnp.full((4, 1), step == 0)
        action, before, carry = act(params, carry, jnp.asarray(observation)[:, None], first, None, explore)
        close(action[:, 0], numbers[name][step])
        close([leaf[:, 0] for leaf in before], [numbers["h_in"][step], numbers["c_in"][step]])
        close([leaf[:, 0] for leaf in carry], [numbers["h_out"][step], numbers["c_out"][step]])


@pytest.mark.parametrize("variant", ["cmta", "cmta_no_cl"])
def test_five_updates_in_a_row(variant):
    numbers = reference.load(f"update_{variant}_tiny_f64")
    config = CONFIG if variant == "cmta" else cmta.Config(**{**vars(CONFIG), "contrastive_weight": 0.0})
    networks = cmta.networks(config, SPEC)
    params = jax.tree.map(jnp.asarray, reference.cmta_parameters(numbers, "before"))
    critic, actor, temperature = (
        transform.init(group)
        for transform, group in zip(
            transforms(config), (critic_group(params), params.actor, params.log_temperature), strict=True
        )
    )
    targets = jax.tree.map(jnp.asarray, reference.cmta_targets(numbers, "before"))
    state = sac.LearnerState(params, targets, sac.Optimizers(critic, actor, temperature))
    step = jax.jit(lambda *args: update(sac.Algorithm(config, networks), *args))
    for index in range(5):
        state, metrics = step(state, *reference.batch_and_noise(numbers, index))
        names = ["critic_loss", "actor_loss", "temperature_loss"]
        close([metrics[name] for name in names], list(numbers["losses_per_step"][index][[0, 2, 3]]), rtol=1e-8)
        if variant == "cmta":
            close(metrics["contrastive_loss"], numbers["losses_per_step"][index][1], rtol=1e-8)
        if index in (0, 4):
            close(state.params, reference.cmta_parameters(numbers, f"after{index + 1}"), rtol=1e-8, size=0.01)
            close(state.targets, reference.cmta_targets(numbers, f"after{index + 1}"), rtol=1e-8, size=0.01)
