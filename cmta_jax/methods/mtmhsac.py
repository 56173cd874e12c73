"""MTMH-SAC: shared trunks with one output head per task (docs/methods.md, 3.8)."""

import dataclasses

from cmta_jax import sac
from cmta_jax.config import at_least, setting
from cmta_jax.methods import assembly
from cmta_jax.networks.heads import MultiHead
from cmta_jax.networks.state_encoder import StateEncoder
from cmta_jax.networks.task_encoder import NoTask
from cmta_jax.types import Method, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """MTMH-SAC's own settings; defaults are the released script's."""

    encoding_dim: int = setting(64, "width of the state encoder", at_least(1))


def make(config: Config, spec: Spec) -> Method:
    """MTMH-SAC as a `Method`."""
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """State encoder without task, multi-head actor, multi-head twin critics."""
    heads = assembly.heads(config, spec, MultiHead)
    encoder = StateEncoder(config.encoding_dim, config.activation_dtype)
    modules = assembly.Modules(NoTask(spec.num_tasks), encoder, *heads)
    return assembly.assemble(spec, modules)
