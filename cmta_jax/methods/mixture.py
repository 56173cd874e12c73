"""What CMTA and CARE share: a mixture of experts under a contrastive loss, read by actor and critics."""

import dataclasses

import jax.numpy as jnp

from cmta_jax import losses, sac
from cmta_jax.config import setting
from cmta_jax.methods import assembly
from cmta_jax.networks.mixture import MixtureEncoder, Story
from cmta_jax.networks.task_encoder import DEPTHS, TaskEncoder
from cmta_jax.types import Array, Metrics, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """Settings of a mixture; defaults are the paper's (Tables 4, 6 and 7)."""

    num_experts: int = setting(6, "experts in the mixture (Table 8 has 2, 4, 6, 12, 20)", minimum=1)
    encoding_dim: int = setting(64, "width of experts, memory and task encoding", minimum=1)
    contrastive_weight: float = setting(
        2500.0, "beta of Eq. 12; 0 = the ablation without contrastive loss", minimum=0.0
    )
    contrastive_temperature: float = setting(0.1, "of the InfoNCE softmax", minimum=0.0, exclusive=True)
    actor_encoder: str = setting(
        "shared",
        "whose LSTM and attention the actor uses: the critic's (the paper) or its own, random and never trained "
        "(what the released code does)",
        choices=("shared", "frozen_random"),
    )
    task_encoder_depth: str = setting("paper", "Table 4's layers or one more, as released", choices=tuple(DEPTHS))


def networks(
    config: Config, spec: Spec, task_encoder: TaskEncoder, encoder: MixtureEncoder, begin=assembly.no_memory
) -> sac.Networks:
    """The pieces of a method whose encoder is a mixture."""
    actor, critics = assembly.heads(config, spec)
    return assembly.assemble(
        spec, task_encoder, encoder, actor, critics,
        begin=begin,
        frozen=own_attention if config.actor_encoder == "frozen_random" else assembly.nothing,
        auxiliary=lambda story, next_story: contrast(config, story, next_story),
        acting_encoder=acting_encoder,
    )  # fmt: skip


def contrast(config: Config, story: Story, next_story: Story) -> tuple[Array, Metrics]:
    """The weighted contrastive loss (Eqs. 3, 12) and what to log about the mixture."""
    metrics = {"attention_entropy": attention_entropy(story.attention)}
    if config.num_experts > 1:
        metrics["expert_similarity"] = expert_similarity(story.experts)
    if not config.contrastive_weight:
        return jnp.zeros(()), metrics
    loss = losses.contrastive_loss(story.experts, next_story.experts, config.contrastive_temperature)
    return config.contrastive_weight * loss, {"contrastive_loss": loss, **metrics}


def attention_entropy(attention: Array) -> Array:
    """Mean entropy of the attention weights `[N, B, K]` per task `[N]`, in nats."""
    return -jnp.mean(jnp.sum(jnp.where(attention > 0, attention * jnp.log(attention), 0.0), axis=-1), axis=1)


def expert_similarity(experts: Array) -> Array:
    """Mean cosine between the encodings of two experts `[K, N, B, D]` per task `[N]`; the loss has these anyway."""
    number, cosines = len(experts), losses.cosines(experts)
    return (cosines.sum(axis=(0, -1)).mean(axis=1) - number) / (number * (number - 1))


def own_attention(encoder_params):
    """The parts of an encoder that the released code's actor keeps to itself."""
    return {name: part for name, part in encoder_params["params"].items() if name != "experts"}


def acting_encoder(params: sac.Parameters):
    """The encoder that the actor reads: the critic's, with the frozen parts on top where there are any."""
    return {"params": {**params.encoder["params"], **params.frozen}} if params.frozen else params.encoder
