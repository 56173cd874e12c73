"""What soft actor-critic is made of and what it learns: settings, networks, learner state."""

import dataclasses
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import optax

from cmta_jax.config import above, at_least, between, one_of, setting
from cmta_jax.distributions import LOG_STD_MODES
from cmta_jax.types import Array, Begin, Carry, Metrics, Params

Representation = Any  # what actor and critics read: any pytree of [N, B, ...]


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings that every method shares; defaults are the paper's (Table 3)."""

    batch_per_task: int = setting(128, "transitions per task in a batch", at_least(1))
    hidden_dim: int = setting(512, "width of the hidden layers of actor and critics", at_least(1))
    hidden_layers: int = setting(3, "hidden layers of actor and critics", at_least(1))
    num_critics: int = setting(2, "critics whose minimum is used", at_least(1))
    critic_hidden_dim: int = setting(0, "width of the critics' hidden layers; 0 = --hidden_dim (ARS, BRC)", at_least(0))
    critic_hidden_layers: int = setting(0, "hidden layers of the critics; 0 = --hidden_layers", at_least(0))
    activation_dtype: str = setting(
        "float32",
        "of hidden activations and encodings, bfloat16 for a GPU; parameters, losses and sums stay float32",
        one_of("float32", "bfloat16"),
    )
    critic_loss: str = setting(
        "squared",
        "error of the critics: squared, or the cross-entropy of a distribution over bins (Farebrother et al., 2024)",
        one_of("squared", "categorical"),
    )
    num_bins: int = setting(
        101, "categorical critics: bins between --value_min and --value_max (BRC: 101)", at_least(2)
    )
    value_min: float = setting(
        -110.0, "categorical critics: value of the first bin; an untrained critic says the middle"
    )
    value_max: float = setting(110.0, "categorical critics: value of the last bin")
    value_spread: float = setting(
        0.75, "categorical critics: deviation of a target's histogram, in bins (HL-Gauss); 0 = two-hot", at_least(0.0)
    )
    critic_reduction: str = setting(
        "min", "one value of all critics: the smallest, or the mean (ARS)", one_of("min", "mean")
    )
    weight_decay: float = setting(
        0.0, "AdamW's decay of weight matrices; not of biases, norms and temperatures (BRC)", at_least(0.0)
    )
    critic_layer_norm: bool = setting(False, "layer normalisation before each ReLU of the critics (Deviation 25)")
    actor_learning_rate: float = setting(3e-4, "Adam's rate for the actor", at_least(0.0))
    critic_learning_rate: float = setting(3e-4, "Adam's rate for critics, encoders and task encoder", at_least(0.0))
    temperature_learning_rate: float = setting(3e-4, "Adam's rate for the temperatures", at_least(0.0))
    max_gradient_norm: float = setting(
        0.0, "global norm at which gradients are clipped; 0 = no clipping", at_least(0.0)
    )
    discount: float = setting(0.99, "discount per environment step", between(0.0, 1.0))
    target_rate: float = setting(0.005, "step of the target critics towards the critics", between(0.0, 1.0))
    encoder_target_rate: float = setting(0.05, "the same for the target encoder", between(0.0, 1.0))
    initial_temperature: float = setting(1.0, "temperature of every task at the start", above(0.0))
    target_entropy: float = setting(-1.0, "target entropy per action dimension, in nats")
    log_std_mode: str = setting("rescaled_tanh", "how the policy bounds its log std", one_of(*LOG_STD_MODES))
    initial_log_std: float = setting(-9.0, "log std of the initial policy (the reference: -9; a standard Gaussian: 0)")


class Parameters(NamedTuple):
    """All that acting and learning read. Each group is trained by one loss; `frozen` by none."""

    actor: Params
    critic: Params
    encoder: Params
    task_encoder: Params
    log_temperature: Array  # [N]
    frozen: Params = ()


class Targets(NamedTuple):
    """Slowly following copies. The task encoder has none (as in the reference)."""

    critic: Params
    encoder: Params


class Optimizers(NamedTuple):
    """Adam states: one for critics, encoder and task encoder together, one for the actor, one for temperatures."""

    critic: optax.OptState
    actor: optax.OptState
    temperature: optax.OptState


class LearnerState(NamedTuple):
    """Everything that an update reads and writes."""

    params: Parameters
    targets: Targets
    optimizers: Optimizers


class Intermediates(Protocol):
    """What an encoder computes besides its output; an encoder's own type may have more fields."""

    @property
    def carry(self) -> Carry:
        """The recurrent state after the step."""
        ...


class InitNetworks(Protocol):
    """Fresh groups of `Parameters` by name, without the temperatures."""

    def __call__(self, key: Array, /) -> dict[str, Any]: ...


class EncodeTasks(Protocol):
    """The task encoder's parameters -> one encoding per task `[N, Z]`; `Z` may be 0."""

    def __call__(self, task_encoder: Params, /) -> Array: ...


class Encode(Protocol):
    """What actor and critics read.

    Args:
        encoder: the encoder's parameters.
        tasks: task encodings `[N, Z]`.
        observation: `[N, B, D]`.
        carry: recurrent state `[N, B, ...]` before the observation, or `()`.

    Returns:
        The representation, any pytree of `[N, B, ...]`, and the encoder's intermediates.
    """

    def __call__(
        self, encoder: Params, tasks: Array, observation: Array, carry: Carry, /
    ) -> tuple[Representation, Intermediates]: ...


class PolicyNetwork(Protocol):
    """The actor's parameters and a representation -> mean and raw log standard deviation `[N, B, 2A]`."""

    def __call__(self, actor: Params, representation: Representation, /) -> Array: ...


class CriticNetwork(Protocol):
    """The critics' parameters, a representation and actions `[N, B, A]` -> values `[E, N, B]`.

    Categorical critics give logits `[E, N, B, M]` (`sac.values.values_of`).
    """

    def __call__(self, critic: Params, representation: Representation, action: Array, /) -> Array: ...


class Auxiliary(Protocol):
    """The method's own loss beside the critics' (a scalar), and what to log of it.

    Args:
        intermediates: the encoder's at the batch's observations.
        next_intermediates: the target encoder's at the next observations, constants.
    """

    def __call__(self, intermediates: Any, next_intermediates: Any, /) -> tuple[Array, Metrics]: ...


class ActingEncoder(Protocol):
    """The parameters of the encoder that the actor reads."""

    def __call__(self, params: Parameters, /) -> Any: ...


class TaskWeights(Protocol):
    """Log temperatures `[N]` -> the weight of each task in the losses `[N]`."""

    def __call__(self, log_temperature: Array, /) -> Array: ...


class ScaleUpdates(Protocol):
    """Adam's updates of `critic_group`, with those parts scaled that have a learning rate of their own."""

    def __call__(self, updates: Params, /) -> Params: ...


def no_auxiliary(intermediates: Any, next_intermediates: Any, /) -> tuple[Array, Metrics]:
    """No loss beside the critics', nothing to log."""
    return jnp.zeros(()), {}


def shared_encoder(params: Parameters, /) -> Any:
    """The actor reads the critics' encoder."""
    return params.encoder


def one_rate(updates: Params, /) -> Params:
    """One learning rate for all parameters that the critics' loss trains."""
    return updates


class Networks(NamedTuple):
    """What a method is made of: pure functions over groups of `Parameters`."""

    init: InitNetworks
    begin: Begin
    encode_tasks: EncodeTasks
    encode: Encode
    policy: PolicyNetwork
    critic: CriticNetwork
    auxiliary: Auxiliary = no_auxiliary
    acting_encoder: ActingEncoder = shared_encoder
    task_weights: TaskWeights = jnp.ones_like
    scale_updates: ScaleUpdates = one_rate


class Algorithm(NamedTuple):
    """Settings and networks, which every step of acting and learning needs together."""

    config: Config
    networks: Networks


class Noise(NamedTuple):
    """Standard normal noise of one update, `[N, B, A]` each."""

    next_action: Array
    action: Array
