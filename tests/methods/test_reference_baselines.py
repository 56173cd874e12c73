"""The baselines against the numbers of the authors' PyTorch code: five updates in a row, in float64."""

import functools
import json
from typing import Any, NamedTuple

import comparing
import jax
import jax.numpy as jnp
import pytest
import reference_layouts as layouts
import reference_numbers as reference

from cmta_jax import sac
from cmta_jax.methods import care, mtmhsac, mtsac, single_task_sac, soft_modularization
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.sac.optimisers import critic_group, transforms
from cmta_jax.sac.update import update
from cmta_jax.types import Spec

pytestmark = pytest.mark.usefixtures("x64")

SPEC = Spec(("a", "b", "c", "d"), observation_dim=12, action_dim=4)
SIZES = {"hidden_dim": 24, "encoding_dim": 16, "batch_per_task": 8}
QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}  # compiled once, run five times


class Case(NamedTuple):
    module: Any
    settings: dict
    layout: tuple  # heads, encoder, task encoder, what the actor's encoder keeps


SHARED = layouts.trunk_layout(layouts.shared_trunk)
MIXTURE = (SHARED, reference.mixture_encoder, layouts.pretrained_task_encoder, ("attention",))
RELEASED_MIXTURE = SIZES | {"actor_encoder": "frozen_random", "task_encoder_depth": "reference"}
CASES = {
    "mtsac": Case(mtsac, SIZES | {"state_encoder": "always"}, (SHARED, layouts.state_encoder, layouts.no_task)),
    "mtsac_te": Case(
        mtsac, SIZES | {"task_encoder": True, "task_encoder_depth": "reference"},
        (SHARED, layouts.state_encoder, reference.task_encoder),
    ),
    "mtmh": Case(mtmhsac, SIZES, (layouts.trunk_layout(layouts.multi_head), layouts.state_encoder, layouts.no_task)),
    "single": Case(
        single_task_sac, {"hidden_dim": 24, "hidden_layers": 2, "batch_per_task": 8},
        (layouts.trunk_layout(layouts.per_task), layouts.identity, layouts.no_task),
    ),
    "care": Case(care, RELEASED_MIXTURE | {"contrastive_weight": 2500.0}, MIXTURE),
    "care_no_cl": Case(care, RELEASED_MIXTURE, MIXTURE),
}  # fmt: skip


close = functools.partial(comparing.close, rtol=1e-8, size=0.01)


def write_embeddings(numbers, folder):
    """The frozen vectors of the reference's task encoder as an embedding file."""
    vectors = numbers["before/task_encoder.embedding.0.weight"].tolist()
    path = folder / "embeddings.json"
    path.write_text(json.dumps({f"{name}-v1": vector for name, vector in zip(SPEC.task_names, vectors, strict=True)}))
    return str(path)


def five_updates(numbers, config, networks, layout):
    """Runs the updates from the reference's start and compares losses, parameters and targets with its own."""
    params = jax.tree.map(jnp.asarray, layouts.parameters(numbers, "before", *layout))
    targets = jax.tree.map(jnp.asarray, layouts.targets(numbers, "before", *layout[:2]))
    groups = critic_group(params), params.actor, params.log_temperature
    optimizers = sac.Optimizers(*(t.init(group) for t, group in zip(transforms(config), groups, strict=True)))
    state, algorithm = sac.LearnerState(params, targets, optimizers), sac.Algorithm(config, networks)
    step = jax.jit(lambda *args: update(algorithm, *args), compiler_options=QUICK)
    for index in range(5):
        state, metrics = step(state, *reference.batch_and_noise(numbers, index))
        expected = list(numbers["losses_per_step"][index][[0, 2, 3]])
        close([metrics[f"{name}_loss"] for name in ("critic", "actor", "temperature")], expected)
        if "contrastive_loss" in metrics:
            close(metrics["contrastive_loss"], numbers["losses_per_step"][index][1])
        if index in (0, 4):
            close(state.params, layouts.parameters(numbers, f"after{index + 1}", *layout))
            close(state.targets, layouts.targets(numbers, f"after{index + 1}", *layout[:2]))


@pytest.mark.parametrize("name", CASES)
def test_five_updates_in_a_row(name, tmp_path):
    module, settings, layout = CASES[name]
    numbers = reference.load(f"update_{name}_tiny_f64")
    if module is care:
        settings = settings | {"embeddings": write_embeddings(numbers, tmp_path)}
    config = module.Config(**settings)
    five_updates(numbers, config, module.networks(config, SPEC), layout)


def test_soft_modularization_with_one_layer_is_the_released_one(tmp_path):
    """The released network has one routed layer, and (unlike Table 5) a task encoder on frozen vectors."""
    numbers = reference.load("update_softmodu_tiny_f64")
    settings = {"layers": 1, "module_dim": 24, "encoding_dim": 16, "batch_per_task": 8}
    config = soft_modularization.Config(**settings)
    released = care.Config(**RELEASED_MIXTURE, embeddings=write_embeddings(numbers, tmp_path))
    networks = soft_modularization.networks(config, SPEC)._replace(
        encode_tasks=care.networks(released, SPEC).encode_tasks
    )
    five_updates(
        numbers, config, networks, (layouts.soft_layout(), layouts.state_encoder, layouts.pretrained_task_encoder)
    )


def test_care_attention_and_its_gradients():
    numbers = reference.load("moe_care_attention_tiny_f64")
    module = MixtureEncoder(num_experts=6, features=16, temporal=False, attention_hidden=(16,), detach_task=False)

    def output(params, observation, tasks):  # every row is a task of its own: [N, 1, ...]
        encoding, intermediates = module.apply(params, observation[:, None], tasks, ())
        return jnp.sum(encoding[:, 0] * numbers["cotangent"]), (encoding, intermediates)

    gradients, (encoding, intermediates) = jax.jit(jax.grad(output, argnums=(0, 1, 2), has_aux=True))(
        reference.mixture_encoder(numbers, "param/"), jnp.asarray(numbers["obs"]), jnp.asarray(numbers["z_task"])
    )
    close(encoding[:, 0], numbers["z_enc"], rtol=1e-9)
    close(intermediates.attention[:, 0], numbers["alpha"], rtol=1e-9)
    close(
        gradients, (reference.mixture_encoder(numbers, "grad/"), numbers["grad_obs"], numbers["grad_z_task"]), rtol=1e-9
    )
