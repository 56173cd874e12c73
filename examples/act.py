"""Load a trained policy and act with it: python examples/act.py runs/my_run (or a policy file)"""

import sys

import jax
import numpy as np

from cmta_jax.environments import Pool
from experiments.policies.trained import load


def main(source: str, pool_class=Pool) -> float:
    """Plays one episode of every task; returns the share of tasks solved."""
    trained = load(source, "newest", pool_class)
    params = jax.tree.map(lambda leaf: leaf[0], trained.params)  # of the first seed
    act, carry = jax.jit(trained.method.act, static_argnums=5), trained.method.begin(1)
    first, solved = np.ones((trained.spec.num_tasks, 1), bool), 0  # [N, C]: N tasks, C = 1 lane each
    with pool_class(trained.settings.environment, trained.seeds[:1], 1, None) as pool:
        observation = pool.reset()  # [N * C, 39]
        for _ in range(trained.spec.horizon):
            lanes = observation.reshape(*first.shape, -1)  # [N, C, 39]
            action, _, carry = act(params, carry, lanes, first, jax.random.key(0), False)
            pool.send(np.asarray(action)[:, 0])
            step = pool.receive()
            observation, first, solved = step.observation, np.zeros_like(first), solved | step.success
    return float(np.mean(solved))


if __name__ == "__main__":
    print(f"solved {main(sys.argv[1]):.0%} of the tasks")
