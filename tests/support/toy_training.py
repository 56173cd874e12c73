"""The loop on the toy pool, with a tiny CMTA: one program for all tests of the same settings."""

import functools
import sys

import toy_method
from shared_programs import compiled_part
from toy_pool import ToyPool

from cmta_jax.config import TrainingConfig
from cmta_jax.methods import cmta
from cmta_jax.training import loop
from cmta_jax.training import program as program_lib
from cmta_jax.types import Spec

HORIZON = 10
SPEC = Spec(("left", "right"), ToyPool.observation_dim, ToyPool.action_dim, HORIZON)
TOY = toy_method.Config()  # compiles in a moment
TINY = cmta.Config(hidden_dim=16, hidden_layers=1, encoding_dim=8, num_experts=2, batch_per_task=4, initial_log_std=0.0)


@functools.cache
def program(config, training_config):
    """One program per configuration, because compiling takes most of the time of these tests."""
    method = sys.modules[type(config).__module__]
    return program_lib.compile_program(method.make(config, SPEC), SPEC, training_config, config.batch_per_task)


class Run:
    """A program, a pool and a state at step 0."""

    def __init__(self, config=TINY, pool=None, **settings):
        self.config = TrainingConfig(**{"steps_per_task": 40, "warmup_steps": 5, "replay_capacity": 200, **settings})
        self.program = program(config, compiled_part(self.config))
        seeds = range(self.config.seed, self.config.seed + self.config.num_seeds)
        self.pool = pool or ToyPool(2, seeds, self.config.copies_per_task, HORIZON)
        self.lanes = (len(seeds), 2, self.config.copies_per_task)
        observation = self.pool.reset(0).reshape(self.lanes + (-1,))
        self.state = self.program.start(program_lib.seed_keys_of(self.config), observation)
        self.step, self.metrics = 0, {}

    def __iter__(self):
        for moment in loop.interact(self.program, self.pool, self.config, HORIZON, self.state, self.step):
            self.step, self.state, self.metrics = moment[:3]
            yield moment

    def to_the_end(self):
        for _ in self:
            pass
        return self
