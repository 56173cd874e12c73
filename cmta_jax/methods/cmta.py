"""CMTA: contrastive modules with temporal attention (Lan et al., NeurIPS 2023), and its ablations."""

import dataclasses

import jax

from cmta_jax import sac
from cmta_jax.config import at_least, setting
from cmta_jax.methods import mixture
from cmta_jax.networks.lstm import zero_carry
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.task_encoder import TaskEncoder
from cmta_jax.types import Carry, Method, Params, Spec


@dataclasses.dataclass(frozen=True)
class Config(mixture.Config):
    """CMTA's own settings; defaults are the paper's (Tables 4 and 7)."""

    temporal: bool = setting(True, "attention reads the LSTM; off = the ablation without temporal information")
    detach_task: bool = setting(True, "no gradient from the attention to the task encoder")  # Deviation 11
    memory_learning_rate: float = setting(
        0.0, "Adam's rate for the LSTM; 0 = that of --critic_learning_rate (Deviation 26)", at_least(0.0)
    )
    memory_history: int = setting(
        0,
        "steps before each sampled one through which the LSTM is run again, with gradient; 0 = its stored state "
        "(Deviation 27)",
        at_least(0),
    )


def make(config: Config, spec: Spec) -> Method:
    """CMTA as a `Method`.

    Raises:
        ValueError: the LSTM is to have a learning rate of its own, and there is no LSTM or the critics do not learn;
            the LSTM is to run again, and there is none or the actor has a random one of its own.
    """
    if config.memory_learning_rate and not (config.temporal and config.critic_learning_rate):
        raise ValueError(
            f"--cmta.memory_learning_rate={config.memory_learning_rate:g} needs --cmta.temporal=true and a "
            "--critic_learning_rate above 0: set it to 0, which means the critics' rate."
        )
    if config.memory_history and not (config.temporal and config.actor_encoder == "shared"):
        raise ValueError(
            f"--cmta.memory_history={config.memory_history} needs --cmta.temporal=true and "
            "--cmta.actor_encoder=shared: "
            "leave it at 0, which means the stored states of the LSTM."
        )
    return sac.make(config, spec, networks(config, spec))._replace(history=config.memory_history)


def networks(config: Config, spec: Spec) -> sac.Networks:
    """CMTA's pieces: mixture encoder with LSTM, learnt task encoder, shared actor, twin critics."""
    task_encoder = TaskEncoder(spec.num_tasks, config.encoding_dim, config.task_encoder_depth)
    encoder = MixtureEncoder(
        config.num_experts, config.encoding_dim, config.temporal,
        detach_task=config.detach_task, dtype=config.activation_dtype,
    )  # fmt: skip

    def begin(copies: int) -> Carry:
        return zero_carry(config.encoding_dim, (spec.num_tasks, copies)) if config.temporal else ()

    networks = mixture.networks(config, spec, task_encoder, encoder, begin)
    return networks._replace(scale_updates=lambda updates: scale_memory(config, updates))


def scale_memory(config: Config, updates: Params) -> Params:
    """Updates of `sac.critic_group` with the LSTM's at its own rate; what they were where the rates are equal.

    Args:
        updates: made at the critic's rate.
    """
    if config.memory_learning_rate in (0.0, config.critic_learning_rate):
        return updates
    ratio = config.memory_learning_rate / config.critic_learning_rate
    parts = updates["encoder"]["params"]
    memory = jax.tree.map(lambda update: ratio * update, parts["memory"])
    return {**updates, "encoder": {"params": {**parts, "memory": memory}}}
