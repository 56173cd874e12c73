"""Reads the numbers that the authors' PyTorch code produced (tests/reference/*.npz) in this project's layout."""

import pathlib

import jax.numpy as jnp
import numpy as np

from cmta_jax import sac
from cmta_jax.types import Transition

FOLDER = pathlib.Path(__file__).parent / "reference"
NUM_TASKS = 4


def load(name):
    """All arrays of a file, floats as float64 (inputs are stored in float32, which they fit exactly)."""
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    return {key: np.float64(array) if array.dtype == np.float32 else array for key, array in arrays.items()}


def dense(numbers, *prefixes):
    """PyTorch `Linear` layers (weights [out, in]) as the layers of one MLP; several prefixes are stacked."""

    def layer(prefix):
        return {"kernel": numbers[f"{prefix}.weight"].T, "bias": numbers[f"{prefix}.bias"]}

    return {f"Dense_{i}": layer(prefix) for i, prefix in enumerate(prefixes)}


def actor(numbers, prefix):
    return {"params": {"trunk": dense(numbers, *(f"{prefix}model.{i}" for i in (0, 2, 4, 6)))}}


def critics(numbers, prefix):
    one, two = (dense(numbers, *(f"{prefix}Q{q}.model.{i}" for i in (0, 2, 4, 6))) for q in (1, 2))
    return {"params": {"trunk": {
        layer: {leaf: np.stack([one[layer][leaf], two[layer][leaf]]) for leaf in one[layer]} for layer in one
    }}}  # fmt: skip


def task_encoder(numbers, prefix):
    layers = dense(numbers, *(f"{prefix}{name}" for name in ("embedding.2", "embedding.4", "trunk.0", "trunk.2")))
    return {"params": {"embedding": numbers[f"{prefix}embedding.0.weight"], "trunk": layers}}


def experts(numbers, prefix):
    return {
        f"Dense_{i}": {
            "kernel": numbers[f"{prefix}moe._model.{2 * i}.weight"],
            "bias": numbers[f"{prefix}moe._model.{2 * i}.bias"][:, 0],
        }
        for i in range(2)
    }


def memory(numbers, prefix):
    return {
        name: {"kernel": numbers[f"{prefix}lstm.weight_{short}_l0"].T, "bias": numbers[f"{prefix}lstm.bias_{short}_l0"]}
        for name, short in (("input", "ih"), ("recurrent", "hh"))
    }


def attention(numbers, prefix):
    layers = [f"{prefix}selection_network.trunk.{i}" for i in (0, 2)]
    return dense(numbers, *(layer for layer in layers if f"{layer}.weight" in numbers))


def mixture_encoder(numbers, prefix):
    parts = {"experts": experts(numbers, prefix), "attention": attention(numbers, prefix)}
    if f"{prefix}lstm.weight_ih_l0" in numbers:
        parts["memory"] = memory(numbers, prefix)
    return {"params": parts}


def cmta_parameters(numbers, when):
    """All groups of CMTA's parameters at `when` ("before", "after1", "after5")."""
    own = mixture_encoder(numbers, f"{when}/actor.encoder.")["params"]
    return sac.Parameters(
        actor=actor(numbers, f"{when}/actor."),
        critic=critics(numbers, f"{when}/critic."),
        encoder=mixture_encoder(numbers, f"{when}/critic.encoder."),
        task_encoder=task_encoder(numbers, f"{when}/task_encoder."),
        log_temperature=jnp.asarray(numbers[f"{when}/log_alpha"]),
        frozen={name: own[name] for name in ("memory", "attention")},
    )


def cmta_targets(numbers, when):
    return sac.Targets(
        critics(numbers, f"{when}/critic_target."), mixture_encoder(numbers, f"{when}/critic_target.encoder.")
    )


def stratified(rows):
    """Rows ordered by task `[N * B, ...]` -> `[N, B, ...]`."""
    return jnp.asarray(rows).reshape(NUM_TASKS, -1, *rows.shape[1:])


def batch_and_noise(numbers, index):
    """The transitions and the noise of update `index`."""
    field = {key.split("/")[1]: value for key, value in numbers.items() if key.startswith(f"batch{index}/")}
    carry = (stratified(field["h"]), stratified(field["c"])) if "h" in field else ()
    next_carry = (stratified(field["next_h"]), stratified(field["next_c"])) if "h" in field else ()
    batch = Transition(
        observation=stratified(field["env_obs"]),
        action=stratified(field["action"]),
        reward=stratified(field["reward"][:, 0]),
        discount=stratified(field["not_done"][:, 0]),
        next_observation=stratified(field["next_env_obs"]),
        success=jnp.zeros((NUM_TASKS, len(field["reward"]) // NUM_TASKS), bool),
        carry=carry,
        next_carry=next_carry,
    )
    return batch, sac.Noise(stratified(field["noise_next"]), stratified(field["noise_actor"]))
