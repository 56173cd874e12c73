"""Each baseline's parameters in the files of reference numbers, in this project's layout."""

import jax.numpy as jnp
import numpy as np
import reference_numbers as reference

from cmta_jax import sac


def stacked(numbers, *prefixes):
    """Layers whose weights are already [copies, in, out], with bias [copies, 1, out], as the layers of one MLP."""

    def layer(prefix):
        return {"kernel": numbers[f"{prefix}.weight"], "bias": numbers[f"{prefix}.bias"][:, 0]}

    return {f"Dense_{i}": layer(prefix) for i, prefix in enumerate(prefixes)}


def twins(read, numbers, prefix):
    """Both critics, stacked on a leading axis."""
    one, two = (read(numbers, f"{prefix}Q{q}.") for q in (1, 2))
    return _zip(one, two)


def _zip(one, two):
    return {key: _zip(one[key], two[key]) for key in one} if isinstance(one, dict) else np.stack([one, two])


def shared_trunk(numbers, prefix):
    return reference.dense(numbers, *(f"{prefix}model.{i}" for i in (0, 2, 4, 6)))


def multi_head(numbers, prefix):
    return {
        "shared": reference.dense(numbers, *(f"{prefix}model.0.{i}" for i in (0, 2, 4))),
        "heads": stacked(numbers, f"{prefix}model.2._model.0"),
    }


def per_task(numbers, prefix):
    return {"tasks": stacked(numbers, *(f"{prefix}model._model.{i}" for i in (0, 2, 4)))}


def soft_modules(numbers, prefix):
    routing = f"{prefix}model.routing_network."
    return {
        "layer_0": stacked(numbers, f"{prefix}model.layers.0.0"),
        "output": stacked(numbers, f"{prefix}model.layers.1"),
        "routing": {
            "gate": reference.dense(numbers, f"{routing}projection_before_routing"),
            "down_0": reference.dense(numbers, f"{routing}W_d.0"),
        },
    }


def soft_critic(numbers, prefix):
    return {
        "network": soft_modules(numbers, prefix),
        "projection": reference.dense(numbers, f"{prefix}obs_action_projection_layer"),
    }


def state_encoder(numbers, prefix):
    return {"params": {"trunk": reference.dense(numbers, *(f"{prefix}trunk.{i}" for i in (0, 2, 4)))}}


def identity(numbers, prefix):
    return {}


def pretrained_task_encoder(numbers, prefix):
    layers = ("embedding.2.0", "embedding.2.2", "trunk.0", "trunk.2")
    return {"params": {"trunk": reference.dense(numbers, *(f"{prefix}{name}" for name in layers))}}


def no_task(numbers, prefix):
    return {}


def trunk_layout(read):
    """How actor and critics are read when `read` reads their trunk."""

    def actor(numbers, prefix):
        return {"params": {"trunk": read(numbers, prefix)}}

    def critics(numbers, prefix):
        return {"params": {"trunk": twins(read, numbers, prefix)}}

    return actor, critics


def soft_layout():
    def actor(numbers, prefix):
        return {"params": {"network": soft_modules(numbers, prefix)}}

    def critics(numbers, prefix):
        return {"params": twins(soft_critic, numbers, prefix)}

    return actor, critics


def parameters(numbers, when, heads, encoder, task_encoder, own=()):
    """All groups at `when` ("before", "after1", "after5"); `own` names what the actor's encoder keeps frozen."""
    actor, critics = heads
    frozen = encoder(numbers, f"{when}/actor.encoder.")["params"] if own else {}
    return sac.Parameters(
        actor(numbers, f"{when}/actor."),
        critics(numbers, f"{when}/critic."),
        encoder(numbers, f"{when}/critic.encoder."),
        task_encoder(numbers, f"{when}/task_encoder."),
        jnp.asarray(numbers[f"{when}/log_alpha"]),
        {name: frozen[name] for name in own} or (),
    )


def targets(numbers, when, heads, encoder):
    critics = heads[1]
    return sac.Targets(critics(numbers, f"{when}/critic_target."), encoder(numbers, f"{when}/critic_target.encoder."))
