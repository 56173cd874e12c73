"""Runs of seconds on the toy pool, for the tests of what is done with a run afterwards."""

import jax
import numpy as np
from toy_pool import ToyPool

from experiments import run

SMALL = (
    "--benchmark=reach-v3,push-v3", "--horizon=10", "--steps_per_task=40", "--warmup_steps=10", "--eval_every=20",
    "--eval_episodes=2", "--log_every=10", "--checkpoint_every=20", "--hidden_dim=16", "--hidden_layers=1",
    "--batch_per_task=8", "--replay_capacity=400", "--cmta.encoding_dim=8", "--cmta.num_experts=3", "--seed=3",
)  # fmt: skip


class Toy(ToyPool):
    """The toy with the front of the real pool."""

    def __init__(self, config, seeds, copies=1, workers=None):
        super().__init__(len(config.tasks), seeds, copies, config.horizon)
        self.goal_vectors = np.zeros((len(seeds), len(config.tasks), 50, 6))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class MetaWorldSized(Toy):
    """The toy with Meta-World's sizes, so that policies trained on it act there."""

    observation_dim, action_dim = 39, 4

    def send(self, action):
        super().send(action[:, :2])

    def _observe(self):
        return np.pad(super()._observe(), ((0, 0), (0, 33)))


def tiny_run(folder, *arguments, pool=Toy):
    """A complete run in `folder`; returns the folder."""
    assert run.main([*SMALL, *arguments, f"--workdir={folder}"], pool) == 0
    return folder


def leaves_equal(first, second):
    """Whether two pytrees hold the same numbers."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)
