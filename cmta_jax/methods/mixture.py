"""What CMTA and CARE share: a mixture of experts under a contrastive loss, read by actor and critics."""

import dataclasses
from typing import Any

import jax.numpy as jnp

from cmta_jax import losses, sac
from cmta_jax.config import above, at_least, between, one_of, setting
from cmta_jax.methods import assembly
from cmta_jax.networks.mixture import MixtureEncoder, MixtureIntermediates
from cmta_jax.networks.task_encoder import DEPTHS, TaskEncoder
from cmta_jax.types import Array, Begin, Metrics, Params, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """Settings of a mixture; defaults are the paper's (Tables 4, 6 and 7)."""

    num_experts: int = setting(6, "experts in the mixture (Table 8 has 2, 4, 6, 12, 20)", at_least(1))
    encoding_dim: int = setting(64, "width of experts, LSTM and task encoding", at_least(1))
    contrastive_weight: float = setting(
        2500.0,  # Deviation 29: for rewards of scale 1
        "beta of Eq. 12; 0 = the ablation without contrastive loss",
        at_least(0.0),
    )
    contrastive_temperature: float = setting(0.1, "of the InfoNCE softmax", above(0.0))
    contrastive_floor: float = setting(
        -1.0,
        "cosine down to which experts are pushed apart; -1 = the paper's, 0 = until orthogonal (Deviation 28)",
        between(-1.0, 1.0),
    )
    actor_encoder: str = setting(
        "shared",
        "whose LSTM and attention the actor uses: the critic's (the paper) or its own, random and never trained "
        "(what the released code does)",
        one_of("shared", "frozen_random"),
    )
    task_encoder_depth: str = setting("paper", "Table 4's layers or one more, as released", one_of(*DEPTHS))


def networks(
    config: Config, spec: Spec, task_encoder: TaskEncoder, encoder: MixtureEncoder, begin: Begin = assembly.no_carry
) -> sac.Networks:
    """The pieces of a method whose encoder is a mixture."""

    def auxiliary(
        intermediates: MixtureIntermediates, next_intermediates: MixtureIntermediates
    ) -> tuple[Array, Metrics]:
        return contrast(config, intermediates, next_intermediates)

    frozen = own_attention if config.actor_encoder == "frozen_random" else assembly.nothing
    modules = assembly.Modules(task_encoder, encoder, *assembly.heads(config, spec))
    return assembly.assemble(spec, modules, begin=begin, frozen=frozen)._replace(
        auxiliary=auxiliary, acting_encoder=acting_encoder
    )


def contrast(
    config: Config, intermediates: MixtureIntermediates, next_intermediates: MixtureIntermediates
) -> tuple[Array, Metrics]:
    """The weighted contrastive loss, a scalar, and what to log about the mixture.

    Args:
        intermediates: of the encoder at s_t.
        next_intermediates: of the target encoder at s_{t+1}.
    """
    experts, next_experts = intermediates.experts, next_intermediates.experts
    metrics = {
        "attention_entropy": attention_entropy(intermediates.attention),
        "attention_movement": attention_movement(intermediates.attention),
        "mixture_length": mixture_length(experts, intermediates.attention),
    }
    if config.num_experts > 1:
        metrics["expert_similarity"] = expert_similarity(experts)
    if not config.contrastive_weight:
        return jnp.zeros(()), metrics
    loss = losses.contrastive_loss(  # Algorithm 1, line 15
        experts, next_experts, config.contrastive_temperature, config.contrastive_floor
    )
    return config.contrastive_weight * loss, {"contrastive_loss": loss, **metrics}  # beta L_con of Eq. 12


def attention_entropy(attention: Array) -> Array:
    """Mean entropy of the attention weights `[N, B, K]` per task `[N]`, in nats."""
    return -jnp.mean(jnp.sum(jnp.where(attention > 0, attention * jnp.log(attention), 0.0), axis=-1), axis=1)


def attention_movement(attention: Array) -> Array:
    """How much the weights `[N, B, K]` differ between states of a task `[N]`.

    The standard deviation of an expert's weight over the rows, as the root of its mean square over the experts; 0 is a
    constant mixture, however the task is going.
    """
    return jnp.sqrt(jnp.mean(jnp.var(attention, axis=1), axis=-1))


def mixture_length(experts: Array, attention: Array) -> Array:
    """Length of the mixture over the mean length of its experts, a mean over the rows of each task `[N]`.

    Near 0 the experts cancel each other: at the optimum of Eq. 3 their sum is zero.

    Args:
        experts: `[K, N, B, D]`.
        attention: `[N, B, K]`.
    """
    mixed = jnp.einsum("nbk,knbd->nbd", attention, experts)  # the encoder's own product, hence computed once
    lengths = jnp.linalg.norm(experts, axis=-1).mean(axis=0)
    return jnp.mean(jnp.linalg.norm(mixed, axis=-1) / jnp.maximum(lengths, 1e-12), axis=1)


def expert_similarity(experts: Array) -> Array:
    """Mean cosine between the encodings of two experts `[K, N, B, D]` per task `[N]`.

    The contrastive loss computes the same cosines, so that compilers compute them once.
    """
    number, cosines = len(experts), losses.cosines(experts)
    return (cosines.sum(axis=(0, 1)).mean(axis=1) - number) / (number * (number - 1))


def own_attention(encoder_params: Params) -> dict[str, Any]:
    """The parts of an encoder that the released code's actor has for itself: LSTM and attention (Deviation 10)."""
    return {name: part for name, part in encoder_params["params"].items() if name != "experts"}


def acting_encoder(params: sac.Parameters) -> Any:
    """The encoder that the actor reads: the critics', with the frozen parts in place of its own where there are any."""
    return {"params": {**params.encoder["params"], **params.frozen}} if params.frozen else params.encoder
