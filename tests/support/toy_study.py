"""What keeps the toy solved? Every reward scaling, with and without layer norm, with the LSTM at three rates.

    PYTHONPATH=.:tests/support python tests/support/toy_study.py results/learning_toy/curves.csv

CMTA with a shared encoder reaches goals in the plane (`toy_pool`): 8,000 steps, seeds 0 to 4 in one program, an
evaluation of all 10 goals of both tasks every 1,000 steps. About two minutes of one core for each of the 18 settings.
Settings that the file holds already are not run again.
"""

import csv
import itertools
import pathlib
import sys

import jax
import numpy as np
from toy_training import HORIZON, Run

from cmta_jax.methods import cmta
from cmta_jax.training import evaluation

SIZES = {"hidden_dim": 32, "encoding_dim": 16, "num_experts": 3, "batch_per_task": 32}
LENGTH = {"steps_per_task": 8000, "warmup_steps": 200, "replay_capacity": 16_000}
SCALINGS, RATES = ("running_std", "none", "mean"), (3e-4, 3e-5, 1e-5)
COLUMNS = ("reward_scaling", "critic_layer_norm", "memory_learning_rate", "seed", "step", "success", "critic_loss")


def play(run):
    """Success per seed over every goal of both tasks, `[S]`; the pool is back in training afterwards."""
    params, carry = run.state.learner.params, run.state.rollout.carry
    goals = evaluation.every_goal_set(*run.lanes, run.pool.num_goal_sets)
    result = evaluation.evaluate(run.program, params, carry, run.pool, goals, HORIZON)
    run.pool.reset(run.step // HORIZON)
    return result.mean_success().mean(axis=1)


def curves(scaling, layer_norm, rate, num_seeds=5, every=1000, **length):
    """Rows of one setting, in the order of `COLUMNS`."""
    own = {"critic_layer_norm": layer_norm, "memory_learning_rate": rate}
    config = cmta.Config(**SIZES, initial_log_std=0.0, initial_temperature=0.1, actor_encoder="shared", **own)
    run = Run(config, num_seeds=num_seeds, reward_scaling=scaling, **{**LENGTH, **length})
    for moment in run:
        if moment.step % every == 0:
            success, loss = play(run), np.asarray(moment.metrics["critic_loss"])
            for seed in range(num_seeds):
                yield scaling, layer_norm, rate, seed, moment.step, f"{success[seed]:.2f}", f"{loss[seed]:.4g}"


def main(path):
    """Runs what the file does not hold yet."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if path.exists():
        with open(path, newline="") as file:
            done = {(row[0], row[1], row[2]) for row in list(csv.reader(file))[1:]}
    else:
        path.write_text(",".join(COLUMNS) + "\n")
    for rate, scaling, layer_norm in itertools.product(RATES, SCALINGS, (False, True)):
        if (scaling, str(layer_norm), str(rate)) in done:
            continue
        rows = list(curves(scaling, layer_norm, rate))
        with open(path, "a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        last = {row[3]: row[5] for row in rows}
        print(scaling, "layer norm" if layer_norm else "plain", rate, *last.values(), flush=True)
        jax.clear_caches()


if __name__ == "__main__":
    main(sys.argv[1])
