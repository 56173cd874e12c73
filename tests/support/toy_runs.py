"""Small whole runs on the toy pool, what they left, and policies as if from such runs."""

import csv
import pathlib

import jax
import numpy as np
from toy_pool import ToyPool

from cmta_jax.checkpoint import save_policy
from cmta_jax.random_keys import random_key
from cmta_jax.runs.policy import Policy
from cmta_jax.runs.settings import as_flags
from experiments import run
from experiments.command_line.parse import parse

SHARED = (
    "--benchmark=reach-v3,push-v3", "--horizon=10", "--steps_per_task=60", "--warmup_steps=10", "--eval_every=20",
    "--eval_episodes=2", "--log_every=10", "--checkpoint_every=30", "--hidden_dim=16", "--hidden_layers=1",
    "--batch_per_task=8", "--replay_capacity=400", "--seed=3",
)  # fmt: skip
CMTA = ("--cmta.encoding_dim=8", "--cmta.num_experts=3")
MTMHSAC = ("--method=mtmhsac", "--mtmhsac.encoding_dim=8")  # compiles in half the time
SMALL = (*SHARED, *CMTA)


class Toy(ToyPool):
    """The toy with the front of the real pool; `interrupt` is called at each step of the process."""

    steps = 0
    interrupt = staticmethod(lambda step: None)

    def __init__(self, config, seeds, copies=1, workers=None):
        super().__init__(len(config.tasks), seeds, copies, config.horizon)
        self.goal_vectors = np.zeros((len(seeds), len(config.tasks), 50, 6))

    def receive(self):
        self.steps += 1
        self.interrupt(self.steps)
        return super().receive()

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


def main(folder, *arguments, pool=Toy, method=CMTA):
    return run.main([*SHARED, *method, f"--workdir={folder}", *arguments], pool)


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def numbers(folder):
    return {name: (folder / name).read_bytes() for name in ("eval.csv", "train.csv", "final.csv")}


def untrained(*arguments, pool=Toy, source="untrained"):
    """Policies with random parameters, as if they came from a policy file; nothing is compiled."""
    settings = parse([*SHARED, *arguments])
    spec, method = settings.build(pool)
    seeds = settings.training.seeds
    shapes = jax.eval_shape(jax.vmap(method.init), jax.vmap(random_key)(np.array(seeds))).params
    generator = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: generator.normal(scale=0.3, size=leaf.shape).astype(leaf.dtype), shapes)
    return Policy(pathlib.Path(source), 0, settings, spec, method, seeds, params)


def policy_file(path, *arguments, pool=Toy):
    """Writes the policies of `untrained` to a file; returns its path."""
    trained = untrained(*arguments, pool=pool)
    flags = as_flags(trained.settings.values())
    save_policy(path, trained.params, {"flags": flags, "method": flags["method"], "step": 7})
    return path


def leaves_equal(first, second):
    """Whether two pytrees hold the same numbers."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)
