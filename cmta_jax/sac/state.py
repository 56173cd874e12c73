"""What soft actor-critic is made of and what it learns: settings, networks, learner state."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from cmta_jax.config import setting
from cmta_jax.distributions import LOG_STD_MODES
from cmta_jax.types import Array, Carry, Metrics


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings that every method shares; defaults are the paper's (Table 3)."""

    batch_per_task: int = setting(128, "transitions per task in a batch", minimum=1)
    hidden_dim: int = setting(512, "width of the hidden layers of actor and critics", minimum=1)
    hidden_layers: int = setting(3, "hidden layers of actor and critics", minimum=1)
    num_critics: int = setting(2, "critics whose minimum is used", minimum=1)
    critic_layer_norm: bool = setting(False, "layer normalisation before each ReLU of the critics (Deviation 25)")
    actor_learning_rate: float = setting(3e-4, "Adam's rate for the actor", minimum=0.0)
    critic_learning_rate: float = setting(3e-4, "Adam's rate for critics, encoders and task encoder", minimum=0.0)
    temperature_learning_rate: float = setting(3e-4, "Adam's rate for the temperatures", minimum=0.0)
    max_gradient_norm: float = setting(0.0, "global norm at which gradients are clipped; 0 = no clipping", minimum=0.0)
    discount: float = setting(0.99, "discount per environment step", minimum=0.0, maximum=1.0)
    target_rate: float = setting(0.005, "step of the target critics towards the critics", minimum=0.0, maximum=1.0)
    encoder_target_rate: float = setting(0.05, "the same for the target encoder", minimum=0.0, maximum=1.0)
    initial_temperature: float = setting(1.0, "temperature of every task at the start", minimum=0.0, exclusive=True)
    target_entropy: float = setting(-1.0, "target entropy per action dimension, in nats")
    log_std_mode: str = setting("rescaled_tanh", "how the policy bounds its log std", choices=tuple(LOG_STD_MODES))
    initial_log_std: float = setting(-9.0, "log std of the initial policy (the reference: -9; a standard Gaussian: 0)")


class Parameters(NamedTuple):
    """All that acting and learning read. Each group is trained by one loss; `frozen` by none."""

    actor: Any
    critic: Any
    encoder: Any
    task_encoder: Any
    log_temperature: Array  # [N]
    frozen: Any = ()


class Targets(NamedTuple):
    """Slowly following copies. The task encoder has none (as in the reference)."""

    critic: Any
    encoder: Any


class Optimizers(NamedTuple):
    """Adam states: one for critics, encoder and task encoder together, one for the actor, one for temperatures."""

    critic: optax.OptState
    actor: optax.OptState
    temperature: optax.OptState


class LearnerState(NamedTuple):
    params: Parameters
    targets: Targets
    optimizers: Optimizers


class Networks(NamedTuple):
    """What a method is made of: pure functions over groups of `Parameters`.

    A representation `x` is any pytree of `[N, B, ...]`; `out` is what the encoder tells about itself, `out.carry` the
    memory after the step.
    """

    init: Callable[[Array], dict[str, Any]]  # (key) -> the groups of Parameters, less the temperatures
    begin: Callable[[int], Carry]  # (copies) -> [N, copies, ...]
    encode_tasks: Callable[[Any], Any]  # (task_encoder) -> [N, Z] or ()
    encode: Callable[..., tuple[Any, Any]]  # (encoder, task_encodings, observation, carry) -> x, out
    policy: Callable[[Any, Any], Array]  # (actor, x) -> [N, B, 2A]: mean and raw log std
    critic: Callable[[Any, Any, Array], Array]  # (critic, x, action) -> [E, N, B]
    auxiliary: Callable[[Any, Any], tuple[Array, Metrics]] = lambda out, next_out: (jnp.zeros(()), {})
    acting_encoder: Callable[[Parameters], Any] = lambda params: params.encoder
    task_weights: Callable[[Array], Array] = jnp.ones_like  # (log_temperature [N]) -> [N]
    scale_updates: Callable[[Any], Any] = lambda updates: updates  # of `critic_group`: parts with a rate of their own


class Noise(NamedTuple):
    """Standard normal noise of one update, `[N, B, A]` each."""

    next_action: Array
    action: Array
