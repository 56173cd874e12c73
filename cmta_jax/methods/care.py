"""CARE: contextual attention over experts, with metadata about the tasks (Sodhani et al., ICML 2021), and CARE + CL."""

import dataclasses

from cmta_jax import sac
from cmta_jax.config import at_least, setting
from cmta_jax.methods import mixture
from cmta_jax.networks.mixture import MixtureEncoder
from cmta_jax.networks.task_encoder import TaskEncoder
from cmta_jax.task_embeddings.files import load as load_vectors
from cmta_jax.types import Method, Spec


@dataclasses.dataclass(frozen=True)
class Config(mixture.Config):
    """CARE's own settings; defaults are the CMTA paper's (Tables 4 and 6)."""

    contrastive_weight: float = setting(0.0, "beta of Eq. 12; 2500 = CARE + CL", at_least(0.0))  # Deviation 16
    embeddings: str = setting("", "JSON file {task name: [numbers]}; by default vectors of the project's descriptions")


def make(config: Config, spec: Spec) -> Method:
    """CARE as a `Method`.

    Raises:
        ValueError: if the file of embeddings cannot be used (see `task_embeddings.files.load`).
    """
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """CARE's pieces: mixture encoder with attention over the task alone, task encoder on frozen vectors."""
    # Deviation 20: not RoBERTa's vectors, unless the file holds them
    vectors = tuple(map(tuple, load_vectors(config.embeddings, spec.task_names).tolist()))
    task_encoder = TaskEncoder(spec.num_tasks, config.encoding_dim, config.task_encoder_depth, vectors)
    encoder = MixtureEncoder(
        config.num_experts, config.encoding_dim, temporal=False,
        attention_hidden=(config.encoding_dim,), detach_task=False, dtype=config.activation_dtype,
    )  # fmt: skip
    return mixture.networks(config, spec, task_encoder, encoder)
