"""What a run will be, before any process or device memory is taken."""

from typing import Any

import jax
import numpy as np

from cmta_jax import methods
from cmta_jax.training import program
from cmta_jax.types import Spec
from experiments.command_line.checks import check_memory, free_bytes
from experiments.command_line.settings import Settings


class Plan:
    """A run before any process or device memory is taken: method, compiled functions (not yet compiled), sizes.

    Args:
        settings: of the run.
        pool_class: whose `observation_dim` and `action_dim` are those of the simulators.

    Raises:
        ValueError: the replay does not fit into memory.
    """

    def __init__(self, settings: Settings, pool_class: Any):
        self.settings, training_config, environment = settings, settings.training, settings.environment
        self.seeds = [training_config.seed + i for i in range(training_config.num_seeds)]
        self.tasks, self.copies = environment.tasks, training_config.copies_per_task
        self.lanes = (len(self.seeds), len(self.tasks), self.copies)
        spec = Spec(self.tasks, pool_class.observation_dim, pool_class.action_dim, environment.horizon)
        self.method = methods.build(settings.run.method, settings.values(), spec)
        self.program = program.compile_program(self.method, spec, training_config, settings.method.batch_per_task)
        self.seed_keys = program.seed_keys_of(training_config)
        observation = jax.ShapeDtypeStruct((*self.lanes, spec.observation_dim), np.float32)
        self.state_shapes = jax.eval_shape(self.program.start, self.seed_keys, observation)
        leaves = jax.tree.leaves(self.state_shapes.replay)
        device = jax.devices()[0]
        where = "this machine" if device.platform == "cpu" else f"{device.device_kind} ({device})"
        replay_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
        check_memory(replay_bytes, free_bytes(device), training_config.replay_capacity, where)
