"""CMTA: contrastive modules with temporal attention (Lan et al., NeurIPS 2023), and its ablations."""

import dataclasses

from cmta_jax import sac
from cmta_jax.config import setting
from cmta_jax.methods import mixture
from cmta_jax.networks.lstm import zero_carry
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.task_encoder import TaskEncoder
from cmta_jax.types import Method, Spec


@dataclasses.dataclass(frozen=True)
class Config(mixture.Config):
    """CMTA's own settings; defaults are the paper's (Tables 4 and 7)."""

    temporal: bool = setting(True, "attention reads the LSTM; off = the ablation without temporal information")
    detach_task: bool = setting(True, "no gradient from the attention to the task encoder")


def make(config: Config, spec: Spec) -> Method:
    """CMTA as a `Method`."""
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """CMTA's pieces: mixture encoder with memory, scratch task encoder, shared actor, twin critics."""
    task_encoder = TaskEncoder(spec.num_tasks, config.encoding_dim, config.task_encoder_depth)
    encoder = MixtureEncoder(config.num_experts, config.encoding_dim, config.temporal, (), config.detach_task)

    def begin(copies):
        return zero_carry(config.encoding_dim, (spec.num_tasks, copies)) if config.temporal else ()

    return mixture.networks(config, spec, task_encoder, encoder, begin)
