"""Small whole runs on the toy pool, through the command line, and what they left."""

import csv

from toy_pool import ToyPool

from experiments import run

SMALL = (
    "--benchmark=reach-v3,push-v3", "--horizon=10", "--steps_per_task=60", "--warmup_steps=10", "--eval_every=20",
    "--eval_episodes=2", "--log_every=10", "--checkpoint_every=30", "--hidden_dim=16", "--hidden_layers=1",
    "--batch_per_task=8", "--replay_capacity=400", "--cmta.encoding_dim=8", "--cmta.num_experts=2", "--seed=3",
)  # fmt: skip


class Toy(ToyPool):
    """The toy with the front of the real pool; `interrupt` is called at each step of the process."""

    steps = 0
    interrupt = staticmethod(lambda step: None)

    def __init__(self, config, seeds, copies, workers):
        super().__init__(len(config.tasks), seeds, copies, config.horizon)

    def receive(self):
        self.steps += 1
        self.interrupt(self.steps)
        return super().receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def main(folder, *arguments, pool=Toy):
    return run.main([*SMALL, f"--workdir={folder}", *arguments], pool)


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def numbers(folder):
    return {name: (folder / name).read_bytes() for name in ("eval.csv", "train.csv", "final.csv")}
