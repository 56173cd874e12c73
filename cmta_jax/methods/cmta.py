"""CMTA: contrastive modules with temporal attention (Lan et al., NeurIPS 2023), and its ablations."""

import dataclasses

import jax
import jax.numpy as jnp

from cmta_jax import losses, sac
from cmta_jax.config import setting
from cmta_jax.distributions import log_std_bias
from cmta_jax.networks.heads import Actor, Critics
from cmta_jax.networks.memory import zero_carry
from cmta_jax.networks.mixture import MixtureEncoder, Story
from cmta_jax.networks.task_encoder import DEPTHS, TaskEncoder
from cmta_jax.types import Array, Method, Metrics, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """CMTA's own settings; defaults are the paper's (Tables 4 and 7)."""

    num_experts: int = setting(6, "experts in the mixture (Table 8 has 2, 4, 6, 12, 20)", minimum=1)
    encoding_dim: int = setting(64, "width of experts, memory and task encoding", minimum=1)
    temporal: bool = setting(True, "attention reads the LSTM; off = the ablation without temporal information")
    contrastive_weight: float = setting(2500.0, "beta of Eq. 12; 0 = the ablation without contrastive loss", minimum=0.0)
    contrastive_temperature: float = setting(0.1, "of the InfoNCE softmax", minimum=0.0, exclusive=True)
    actor_encoder: str = setting(
        "shared",
        "whose LSTM and attention the actor uses: the critic's (the paper) or its own, random and never trained "
        "(what the released code does)",
        choices=("shared", "frozen_random"),
    )
    task_encoder_depth: str = setting("paper", "Table 4's layers or one more, as released", choices=tuple(DEPTHS))
    detach_task: bool = setting(True, "no gradient from the attention to the task encoder")


def make(config: Config, spec: Spec) -> Method:
    """CMTA as a `Method`."""
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """CMTA's pieces: mixture encoder, scratch task encoder, shared actor, twin critics."""
    hidden = (config.hidden_dim,) * config.hidden_layers
    task_encoder = TaskEncoder(spec.num_tasks, config.encoding_dim, config.task_encoder_depth)
    encoder = MixtureEncoder(config.num_experts, config.encoding_dim, config.temporal, (), config.detach_task)
    actor = Actor(hidden, spec.action_dim, log_std_bias(config.log_std_mode, config.initial_log_std))
    critics = Critics(hidden, config.num_critics)

    def begin(copies):
        return zero_carry(config.encoding_dim, (spec.num_tasks, copies)) if config.temporal else ()

    def encode(params, tasks, observation, carry):
        encoding, story = encoder.apply(params, observation, tasks, carry)
        tasks = jnp.broadcast_to(tasks[:, None], (*observation.shape[:2], tasks.shape[-1]))
        return jnp.concatenate([encoding, tasks], axis=-1), story

    def init(key):
        keys = dict(zip(("task_encoder", "encoder", "actor", "critic", "frozen"), jax.random.split(key, 5), strict=True))
        observation = jnp.zeros((spec.num_tasks, 1, spec.observation_dim))
        task_params = task_encoder.init(keys["task_encoder"])
        tasks = task_encoder.apply(task_params)
        encoder_params = encoder.init(keys["encoder"], observation, tasks, begin(1))
        features, _ = encode(encoder_params, tasks, observation, begin(1))
        action = jnp.zeros((spec.num_tasks, 1, spec.action_dim))
        frozen = ()
        if config.actor_encoder == "frozen_random":
            frozen = own_attention(encoder.init(keys["frozen"], observation, tasks, begin(1)))
        return {
            "task_encoder": task_params,
            "encoder": encoder_params,
            "actor": actor.init(keys["actor"], features),
            "critic": critics.init(keys["critic"], features, action),
            "frozen": frozen,
        }

    def auxiliary(story, next_story):
        return contrast(config, story, next_story)

    return sac.Networks(
        init=init,
        begin=begin,
        encode_tasks=task_encoder.apply,
        encode=encode,
        policy=actor.apply,
        critic=critics.apply,
        auxiliary=auxiliary,
        acting_encoder=acting_encoder,
    )


def contrast(config: Config, story: Story, next_story: Story) -> tuple[Array, Metrics]:
    """The weighted contrastive loss (Eqs. 3, 12) and what to log about the mixture."""
    metrics = {"attention_entropy": attention_entropy(story.attention)}
    if not config.contrastive_weight:
        return jnp.zeros(()), metrics
    loss = losses.contrastive_loss(story.experts, next_story.experts, config.contrastive_temperature)
    return config.contrastive_weight * loss, {"contrastive_loss": loss, **metrics}


def attention_entropy(attention: Array) -> Array:
    """Mean entropy of the attention weights `[N, B, K]` per task `[N]`, in nats."""
    return -jnp.mean(jnp.sum(jnp.where(attention > 0, attention * jnp.log(attention), 0.0), axis=-1), axis=1)


def own_attention(encoder_params):
    """The parts of an encoder that the released code's actor keeps to itself."""
    return {name: part for name, part in encoder_params["params"].items() if name != "experts"}


def acting_encoder(params: sac.Parameters):
    """The encoder that the actor reads: the critic's, with the frozen parts on top where there are any."""
    return {"params": {**params.encoder["params"], **params.frozen}} if params.frozen else params.encoder
