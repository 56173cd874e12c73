"""What a run will be, before any process or device memory is taken."""

import jax
import numpy as np

from cmta_jax.environments.interface import PoolFactory
from cmta_jax.runs.settings import Settings
from cmta_jax.training import program
from experiments.command_line.checks import check_compiler, check_memory, find_device, free_bytes
from experiments.training_run.compilation_cache import keep_compiled_programs


class Plan:
    """A run before any process or device memory is taken: method, compiled functions (not yet compiled), sizes.

    Args:
        settings: of the run.
        pool_class: its `observation_dim` and `action_dim` are those of the simulators.

    Raises:
        ValueError: there is no device, JAX does not compile, or the replay does not fit into memory.
    """

    def __init__(self, settings: Settings, pool_class: PoolFactory):
        check_compiler()
        device = find_device()
        keep_compiled_programs(device.platform)
        self.settings, training, environment = settings, settings.training, settings.environment
        self.seeds, self.tasks, self.copies = [*training.seeds], environment.tasks, training.copies_per_task
        self.lanes = (len(self.seeds), len(self.tasks), self.copies)  # S, N, C
        spec, self.method = settings.build(pool_class)
        self.program = program.compile_program(
            self.method, spec, training, settings.method.batch_per_task, discount=settings.method.discount
        )
        self.seed_keys = program.seed_keys_of(training)
        observation = jax.ShapeDtypeStruct((*self.lanes, spec.observation_dim), np.float32)
        self.state_shapes = jax.eval_shape(self.program.start, self.seed_keys, observation)
        leaves = jax.tree.leaves(self.state_shapes.replay)
        where = "this machine" if device.platform == "cpu" else f"{device.device_kind} ({device})"
        replay_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
        check_memory(replay_bytes, free_bytes(device), training.replay_capacity, where)
