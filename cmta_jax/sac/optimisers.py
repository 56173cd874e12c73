"""Gradient descent: which optimiser moves what, and one step of it."""

from typing import Any, NamedTuple

import jax
import optax

from cmta_jax.sac.state import Config, Parameters, ScaleUpdates, Targets, one_rate
from cmta_jax.types import Params


def critic_group(params: Parameters) -> dict[str, Any]:
    """The parameters that the critic loss trains."""
    return {"critic": params.critic, "encoder": params.encoder, "task_encoder": params.task_encoder}


class Transforms(NamedTuple):
    """The optimisers, one for each field of `Optimizers`."""

    critic: optax.GradientTransformation  # of critics, encoder and task encoder together
    actor: optax.GradientTransformation
    temperature: optax.GradientTransformation


def transforms(config: Config) -> Transforms:
    """Adam for critics (with the encoders), actor and temperatures; the gradients of each are clipped on their own.

    With weight decay AdamW (Loshchilov and Hutter, 2019) for critics and actor.
    """

    def adam(rate: float) -> optax.GradientTransformation:
        if not config.weight_decay:
            return optax.adam(rate)
        return optax.adamw(rate, weight_decay=config.weight_decay, mask=decays)

    found = Transforms(
        adam(config.critic_learning_rate),
        adam(config.actor_learning_rate),
        optax.adam(config.temperature_learning_rate),
    )
    if not config.max_gradient_norm:
        return found
    clip = optax.clip_by_global_norm(config.max_gradient_norm)
    return Transforms(*(optax.chain(clip, transform) for transform in found))


def decays(params: Params) -> Any:
    """Which parameters weight decay makes smaller: weight matrices; no biases, and no scales of layer norms."""
    return jax.tree.map_with_path(lambda path, _: jax.tree_util.keystr(path[-1:], simple=True) == "kernel", params)


def descend(
    transform: optax.GradientTransformation,
    gradients: Params,
    optimizer: optax.OptState,
    params: Params,
    scale: ScaleUpdates = one_rate,
) -> tuple[Any, optax.OptState]:
    """One optimiser step: the new parameters and the new optimiser state.

    Args:
        scale: of the updates, for parameters with a learning rate of their own: Adam's update is proportional to the
            rate, hence its state is the same whatever the rate.
    """
    with jax.numpy_dtype_promotion("standard"):  # optax raises a float to an integer power
        updates, optimizer = transform.update(gradients, optimizer, params)
        return optax.apply_updates(params, scale(updates)), optimizer


def follow(config: Config, targets: Targets, params: Parameters) -> Targets:
    """The target copies take one step towards the parameters."""
    return Targets(
        optax.incremental_update(params.critic, targets.critic, config.target_rate),
        optax.incremental_update(params.encoder, targets.encoder, config.encoder_target_rate),
    )
