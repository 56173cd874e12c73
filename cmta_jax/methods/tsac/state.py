"""TSAC's learner state: the base's state with its critics doubled, and the correction policy's."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from cmta_jax import sac
from cmta_jax.methods.tsac import multiplier, running_mean
from cmta_jax.methods.tsac.multiplier import Multiplier
from cmta_jax.methods.tsac.policies import Algorithm
from cmta_jax.methods.tsac.running_mean import RunningMean
from cmta_jax.sac.optimisers import critic_group, transforms
from cmta_jax.types import Array, Method, Spec

STREAM = 0x75AC  # folded into a key for TSAC's own draws, so that the base draws the same numbers as it does alone


class Parameters(NamedTuple):
    """All that acting and learning representation."""

    base: sac.Parameters  # the critics' leaves lead with [2]: those of the dense reward, those of success
    correction: Any
    log_temperature: Array  # [N], of the correction policy


class Optimizers(NamedTuple):
    """Adam states: the base's, the correction policy's, its temperature's."""

    base: sac.Optimizers
    correction: optax.OptState
    temperature: optax.OptState


class LearnerState(NamedTuple):
    """Everything that an update of TSAC reads and writes."""

    params: Parameters
    targets: sac.Targets  # critics [2, ...]
    optimizers: Optimizers
    multiplier: Multiplier
    size: RunningMean  # [N], mean |min Q| of the dense critics

    @property
    def base(self) -> sac.LearnerState:
        """The base's state, with critics `[2, ...]`."""
        return sac.LearnerState(self.params.base, self.targets, self.optimizers.base)

    def with_base(self, base: sac.LearnerState) -> "LearnerState":
        """This state with another state of the base."""
        return self._replace(
            params=self.params._replace(base=base.params),
            targets=base.targets,
            optimizers=self.optimizers._replace(base=base.optimizers),
        )


def init(algorithm: Algorithm, spec: Spec, base: Method, key: Array) -> LearnerState:
    """The base's fresh state, critics of success beside its own, and a correction policy whose mean is zero."""
    config, networks, module = algorithm
    started = base.init(key)
    success_key, correction_key = jax.random.split(jax.random.fold_in(key, STREAM))
    success_critic = networks.init(success_key)["critic"]
    critic = jax.tree.map(lambda *pair: jnp.stack(pair), started.params.critic, success_critic)
    params = started.params._replace(critic=critic)
    correction = module.init(correction_key, *example(spec, networks, params))
    log_temperature = jnp.copy(params.log_temperature)
    transform = transforms(config)
    return LearnerState(
        Parameters(params, correction, log_temperature),
        started.targets._replace(critic=jax.tree.map(jnp.copy, critic)),
        Optimizers(
            started.optimizers._replace(critic=transform.critic.init(critic_group(params))),
            transform.actor.init(correction),
            transform.temperature.init(log_temperature),
        ),
        multiplier.init(config, spec.num_tasks),
        running_mean.init((spec.num_tasks,)),
    )


def example(spec: Spec, networks: sac.Networks, params: sac.Parameters) -> tuple[Any, Array]:
    """What a policy reads and an action `[N, 1, A]`, of the right shapes, one row per task."""
    observation = jnp.zeros((spec.num_tasks, 1, spec.observation_dim))
    tasks = networks.encode_tasks(params.task_encoder)
    representation, _ = networks.encode(networks.acting_encoder(params), tasks, observation, networks.begin(1))
    return representation, jnp.zeros((spec.num_tasks, 1, spec.action_dim))
