"""What keeps the toys solved, and what makes use of the memory? One line of success per setting, seed and 1,000 steps.

    PYTHONPATH=.:tests/support python tests/support/toy_study.py results/learning_toy/curves.csv

CMTA with a shared encoder on two toys: `visible`, reach the goal that is shown (`toy_pool`), and `hidden`, reach the
goal that was shown at the first step only (`hidden_goal`). 8,000 steps, seeds 0 to 4 in one program, an evaluation of
all goals of both tasks every 1,000 steps. One to two minutes of one core for each setting. Settings that the file holds
already are not run again.
"""

import csv
import itertools
import pathlib
import sys
from typing import NamedTuple

import jax
import numpy as np
from hidden_goal import HiddenGoalPool
from toy_pool import ToyPool
from toy_training import HORIZON, Run

from cmta_jax.methods import cmta
from cmta_jax.training import evaluation

SIZES = {"hidden_dim": 32, "encoding_dim": 16, "batch_per_task": 32}
LENGTH = {"steps_per_task": 8000, "warmup_steps": 200, "replay_capacity": 16_000}
TOYS = {"visible": (ToyPool, 3), "hidden": (HiddenGoalPool, 6)}  # pool, experts


class Setting(NamedTuple):
    """What distinguishes the runs of the study."""

    toy: str = "visible"
    reward_scaling: str = "none"
    critic_layer_norm: bool = True
    memory_learning_rate: float = 3e-4
    memory_history: int = 0
    temporal: bool = True
    contrastive_weight: float = 2500.0
    contrastive_floor: float = -1.0


COLUMNS = (*Setting._fields, "seed", "step", "success", "critic_loss")
RATES = (3e-4, 1e-4, 3e-5)
SETTINGS = [
    *(
        Setting("visible", scaling, layer_norm, rate)
        for rate, scaling, layer_norm in itertools.product(
            (3e-4, 3e-5, 1e-5), ("running_std", "none", "mean"), (False, True)
        )
    ),
    *(Setting("visible", memory_learning_rate=rate, memory_history=9) for rate in RATES),
    *(
        Setting("hidden", memory_learning_rate=rate, memory_history=history)
        for history, rate in itertools.product((9, 0), RATES)
    ),
    Setting("hidden", memory_history=3),
    Setting("hidden", temporal=False, memory_learning_rate=0.0),
    *(Setting("hidden", memory_history=9, memory_learning_rate=rate, contrastive_weight=0.0) for rate in (3e-4, 1e-4)),
    *(Setting("hidden", memory_history=9, memory_learning_rate=rate, contrastive_floor=0.0) for rate in (3e-4, 1e-4)),
    Setting("visible", memory_history=9, memory_learning_rate=1e-4, contrastive_floor=0.0),
    *(Setting("hidden", memory_history=9, memory_learning_rate=rate, contrastive_weight=25.0) for rate in RATES),
    Setting("visible", memory_history=9, memory_learning_rate=1e-4, contrastive_weight=25.0),
    Setting("visible", contrastive_weight=25.0),
    *(Setting("visible", "none", layer_norm, 3e-5, contrastive_weight=25.0) for layer_norm in (True, False)),
]


def play(run):
    """Success per seed over every goal of both tasks, `[S]`; the pool is back in training afterwards."""
    params, carry = run.state.learner.params, run.state.rollout.carry
    goals = evaluation.every_goal_set(*run.lanes, run.pool.num_goal_sets)
    result = evaluation.evaluate(run.program, params, carry, run.pool, goals, HORIZON)
    run.pool.reset(run.step // HORIZON)
    return result.mean_success().mean(axis=1)


def curves(setting, num_seeds=5, every=1000, **length):
    """Rows of one setting, in the order of `COLUMNS`."""
    pool, num_experts = TOYS[setting.toy]
    own = {name: getattr(setting, name) for name in Setting._fields[2:]}
    config = cmta.Config(
        **SIZES, num_experts=num_experts, initial_log_std=0.0, initial_temperature=0.1, actor_encoder="shared", **own
    )
    length = {**LENGTH, **length, "num_seeds": num_seeds, "reward_scaling": setting.reward_scaling}
    run = Run(config, pool(2, range(num_seeds), 1, HORIZON), **length)
    for moment in run:
        if moment.step % every == 0:
            success, loss = play(run), np.asarray(moment.metrics["critic_loss"])
            for seed in range(num_seeds):
                yield *setting, seed, moment.step, f"{success[seed]:.2f}", f"{loss[seed]:.4g}"


def main(path):
    """Runs what the file does not hold yet."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if path.exists():
        with open(path, newline="") as file:
            done = {tuple(row[: len(Setting._fields)]) for row in list(csv.reader(file))[1:]}
    else:
        path.write_text(",".join(COLUMNS) + "\n")
    for setting in SETTINGS:
        if tuple(map(str, setting)) in done:
            continue
        rows = list(curves(setting))
        with open(path, "a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        last = {row[len(setting)]: row[-2] for row in rows}
        print(*setting, *last.values(), flush=True)
        jax.clear_caches()


if __name__ == "__main__":
    main(sys.argv[1])
