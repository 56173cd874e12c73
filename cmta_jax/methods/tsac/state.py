"""What TSAC remembers: the base's state with its critics doubled, and the correction policy's."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from cmta_jax import sac
from cmta_jax.methods.tsac import multiplier, running_mean
from cmta_jax.methods.tsac.config import Config
from cmta_jax.methods.tsac.multiplier import Multiplier
from cmta_jax.methods.tsac.running_mean import RunningMean
from cmta_jax.networks.correction import Correction
from cmta_jax.types import Array, Spec

STREAM = 0x75AC  # folded into a key for what is TSAC's own, so that the base draws the numbers it draws alone


class Parameters(NamedTuple):
    """All that acting and learning read."""

    base: sac.Parameters  # the critics' leaves lead with [2]: those of the dense reward, those of success
    correction: Any
    log_temperature: Array  # [N], of the correction policy


class Optimizers(NamedTuple):
    base: sac.Optimizers
    correction: optax.OptState
    temperature: optax.OptState


class LearnerState(NamedTuple):
    params: Parameters
    targets: sac.Targets  # critics [2, ...]
    optimizers: Optimizers
    multiplier: Multiplier
    size: RunningMean  # [N], mean |min Q| of the dense critics

    @property
    def base(self) -> sac.LearnerState:
        """The base's state, with critics `[2, ...]`."""
        return sac.LearnerState(self.params.base, self.targets, self.optimizers.base)

    def with_base(self, params: sac.Parameters, **optimizers: optax.OptState) -> "LearnerState":
        """This state with the base's parameters and some of its optimiser states replaced."""
        return self._replace(
            params=self.params._replace(base=params),
            optimizers=self.optimizers._replace(base=self.optimizers.base._replace(**optimizers)),
        )


def init(config: Config, spec: Spec, base: Any, correction: Correction, key: Array) -> LearnerState:
    """The base's fresh state, critics of success beside its own, and a correction policy whose mean is nothing."""
    started = base.init(key)
    success_key, correction_key = jax.random.split(jax.random.fold_in(key, STREAM))
    success_critic = base.networks.init(success_key)["critic"]
    critic = jax.tree.map(lambda *pair: jnp.stack(pair), started.params.critic, success_critic)
    params = started.params._replace(critic=critic)
    own = correction.init(correction_key, *example(spec, base.networks, params))
    log_temperature = jnp.copy(params.log_temperature)
    critic_transform, policy_transform, temperature_transform = sac.transforms(config)
    optimizer = critic_transform.init(sac.critic_group(params))
    return LearnerState(
        Parameters(params, own, log_temperature),
        started.targets._replace(critic=jax.tree.map(jnp.copy, critic)),
        Optimizers(
            started.optimizers._replace(critic=optimizer),
            policy_transform.init(own),
            temperature_transform.init(log_temperature),
        ),
        multiplier.init(config, spec.num_tasks),
        running_mean.init((spec.num_tasks,)),
    )


def example(spec: Spec, networks: sac.Networks, params: sac.Parameters) -> tuple[Any, Array]:
    """A representation and an action of the right shapes, one row per task."""
    observation = jnp.zeros((spec.num_tasks, 1, spec.observation_dim))
    tasks = networks.encode_tasks(params.task_encoder)
    features, _ = networks.encode(networks.acting_encoder(params), tasks, observation, networks.begin(1))
    return features, jnp.zeros((spec.num_tasks, 1, spec.action_dim))
