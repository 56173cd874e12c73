"""Gradient descent: which optimiser moves what, and one step of it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from cmta_jax.sac.state import Config, Parameters, ScaleUpdates, Targets, one_rate
from cmta_jax.types import Array, Params

MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8  # of Adam


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

    def adam(rate: float, weight_decay: float = config.weight_decay) -> optax.GradientTransformation:
        decay = [optax.add_decayed_weights(weight_decay, decays)] if weight_decay else []
        return optax.chain(scale_by_adam(), *decay, optax.scale_by_learning_rate(rate))

    found = Transforms(
        adam(config.critic_learning_rate),
        adam(config.actor_learning_rate),
        adam(config.temperature_learning_rate, weight_decay=0.0),
    )
    if not config.max_gradient_norm:
        return found
    clip = optax.clip_by_global_norm(config.max_gradient_norm)
    return Transforms(*(optax.chain(clip, transform) for transform in found))


def scale_by_adam() -> optax.GradientTransformation:
    """`optax.scale_by_adam`, whose numbers it has; its two bias corrections are one array.

    XLA joins steps of equally large parameters into one kernel if they read an array together; a scalar does not count.
    """

    def update(updates: Params, state: Any, params: Params | None = None) -> tuple[Params, optax.ScaleByAdamState]:
        del params
        count = optax.safe_increment(state.count)
        mean = optax.tree.update_moment(updates, state.mu, MEAN_DECAY, 1)
        square = optax.tree.update_moment_per_elem_norm(updates, state.nu, SQUARE_DECAY, 2)
        corrections = jax.lax.optimization_barrier(jnp.stack([1 - MEAN_DECAY**count, 1 - SQUARE_DECAY**count]))

        def step(mean: Array, square: Array) -> Array:
            of_mean, of_square = corrections.astype(mean.dtype)
            return (mean / of_mean) / (jnp.sqrt(square / of_square) + EPSILON)

        return jax.tree.map(step, mean, square), optax.ScaleByAdamState(count, mean, square)

    return optax.GradientTransformation(optax.scale_by_adam().init, update)


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
