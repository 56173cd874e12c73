"""Soft modularization (docs/methods.md, 3.6): as the CMTA paper's baseline (Table 5), or as its authors released it."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from cmta_jax import sac
from cmta_jax.config import at_least, one_of, setting
from cmta_jax.distributions import log_std_bias
from cmta_jax.methods import assembly
from cmta_jax.networks.soft_modularization import OriginalSoftModules, SoftActor, SoftModules, soft_critics
from cmta_jax.networks.state_encoder import Identity, StateEncoder
from cmta_jax.networks.task_encoder import DEPTHS, NoTask, TaskEncoder
from cmta_jax.sac.values import outputs_per_value
from cmta_jax.types import Array, Method, Spec


@dataclasses.dataclass(frozen=True)
class Config(sac.Config):
    """Soft modularization's own settings; `--hidden_dim` and `--hidden_layers` have no meaning here."""

    form: str = setting("paper", "Table 5 of the CMTA paper, or Yang et al. (2020)", one_of("paper", "original"))
    layers: int = setting(4, "layers of modules", at_least(1))
    modules: int = setting(4, "modules per layer", at_least(1))
    module_dim: int = setting(64, "width of a module (64 in Table 5, 128 in the original's deep network)", at_least(1))
    loss_weights: bool = setting(False, "weigh the tasks' losses by N softmax(-log temperature), as the original does")
    encoding_dim: int = setting(64, "paper form: width of state encoder and task encoding", at_least(1))
    task_encoder_depth: str = setting("paper", "paper form: Table 4's layers or one more", one_of(*DEPTHS))
    base_dim: int = setting(400, "original form: width of the base network", at_least(1))
    gate_dim: int = setting(256, "original form: width of the routing network", at_least(1))


def make(config: Config, spec: Spec) -> Method:
    """Soft modularization as a `Method`.

    Raises:
        ValueError: the critics are to have a width or depth of their own: both follow from the modules; or another
            dtype, which the modules do not have.
    """
    if config.activation_dtype != "float32":
        raise ValueError(
            f"--activation_dtype={config.activation_dtype} has no meaning for soft_modularization: leave it at float32."
        )
    for name in ("critic_hidden_dim", "critic_hidden_layers"):
        if value := getattr(config, name):
            raise ValueError(
                f"--{name}={value} has no meaning for soft_modularization, whose modules have one size: leave it at 0."
            )
    return sac.make(config, spec, networks(config, spec))


def networks(config: Config, spec: Spec) -> sac.Networks:
    """Routed actor and critics, each with a routing of its own."""
    sizes = {"layers": config.layers, "modules": config.modules, "features": config.module_dim}
    if config.form == "paper":
        network = functools.partial(SoftModules, **sizes)  # Deviation 18
        task_encoder = TaskEncoder(spec.num_tasks, config.encoding_dim, config.task_encoder_depth)
        encoder, represent = StateEncoder(config.encoding_dim), beside
    else:  # Deviation 19
        network = functools.partial(OriginalSoftModules, **sizes, base_dim=config.base_dim, gate_dim=config.gate_dim)
        task_encoder, encoder, represent = NoTask(spec.num_tasks), Identity(), alone
    actor = SoftActor(network, spec.action_dim, log_std_bias(config.log_std_mode, config.initial_log_std))
    normed = functools.partial(network, layer_norm=config.critic_layer_norm)
    critics = soft_critics(normed, config.form == "paper", config.num_critics, outputs_per_value(config))
    modules = assembly.Modules(task_encoder, encoder, actor, critics)
    networks = assembly.assemble(spec, modules, represent=represent)
    return networks._replace(task_weights=task_weights) if config.loss_weights else networks


def beside(encoding: Array, tasks: Array) -> tuple[Array, Array]:
    """The state's encoding and, beside it, the task's: `[N, B, D]` each."""
    return encoding, jnp.broadcast_to(tasks[:, None], encoding.shape)


def alone(encoding: Array, tasks: Array) -> tuple[Array]:
    """The encoding alone, because the original network embeds the tasks itself."""
    return (encoding,)


def task_weights(log_temperature: Array) -> Array:
    """`N softmax(-log temperature)` `[N]`: tasks with a low temperature weigh more; the mean weight is one."""
    return log_temperature.size * jax.nn.softmax(-log_temperature)
