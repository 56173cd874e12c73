"""MT-SAC: one network for all tasks (docs/methods.md, 3.7), and MT-SAC + task encoder (3.8)."""

import dataclasses

from flax import linen as nn

from cmta_jax import sac
from cmta_jax.config import at_least, one_of, setting
from cmta_jax.methods import assembly
from cmta_jax.networks.state_encoder import Identity, StateEncoder
from cmta_jax.networks.task_encoder import DEPTHS, NoTask, OneHot, TaskEncoder
from cmta_jax.types import Method, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """MT-SAC's own settings; defaults are the paper's MT-SAC, which sees the state only."""

    task_id: str = setting("none", "what is joined to the state", one_of("none", "onehot"))
    task_encoder: bool = setting(False, "a learnt task encoding is joined instead: MT-SAC+TE")
    state_encoder: str = setting(
        "auto", "feed-forward encoder of the state: with the task encoder only (auto, as released)",
        one_of("auto", "never", "always"),
    )  # fmt: skip
    encoding_dim: int = setting(64, "width of state encoder and task encoding", at_least(1))
    task_encoder_depth: str = setting("paper", "Table 4's layers or one more, as released", one_of(*DEPTHS))


def make(config: Config, spec: Spec) -> Method:
    """MT-SAC as a `Method`."""
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """Shared actor and twin critics on `[state ; task]`."""
    # Deviations 22 and 23: MT-SAC reads the state as it is, MT-SAC+TE reads its encoding
    encoded = config.state_encoder == "always" or (config.state_encoder == "auto" and config.task_encoder)
    encoder = StateEncoder(config.encoding_dim, config.activation_dtype) if encoded else Identity()
    return assembly.assemble(spec, assembly.Modules(task(config, spec), encoder, *assembly.heads(config, spec)))


def task(config: Config, spec: Spec) -> nn.Module:
    """What tells the tasks apart."""
    if config.task_encoder:
        return TaskEncoder(spec.num_tasks, config.encoding_dim, config.task_encoder_depth)
    return OneHot(spec.num_tasks) if config.task_id == "onehot" else NoTask(spec.num_tasks)
