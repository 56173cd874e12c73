"""Single-task SAC: N learners that share nothing, as one program over parameters `[N, ...]` (docs/methods.md, 3.9)."""

import dataclasses

from cmta_jax import sac
from cmta_jax.methods import assembly
from cmta_jax.networks.heads import PerTask
from cmta_jax.networks.state_encoder import Identity
from cmta_jax.networks.task_encoder import NoTask
from cmta_jax.types import Method, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """No settings of its own.

    Deviation 21: three hidden layers, as in Table 3; the released code has two here (`--hidden_layers=2`).
    """


def make(config: Config, spec: Spec) -> Method:
    """N single-task learners as a `Method`.

    Their losses are averaged over tasks, which divides each learner's gradients by N. Adam's step does not depend on
    that factor (up to its epsilon).

    Raises:
        ValueError: if gradients are to be clipped, because their common norm would couple the learners.
    """
    if config.max_gradient_norm:
        raise ValueError("--max_gradient_norm would couple the learners of single_task_sac: leave it at 0.")
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """An actor and twin critics per task, on the state as it is."""
    modules = assembly.Modules(NoTask(spec.num_tasks), Identity(), *assembly.heads(config, spec, PerTask))
    return assembly.assemble(spec, modules)
