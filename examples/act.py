"""Load a trained policy and act with it: python examples/act.py runs/my_run (or a policy file)"""

import sys

import numpy as np

import cmta_jax


def main(source: str, pool_class=cmta_jax.Pool) -> float:
    """Plays one episode of every task with the policy of the run's first seed; returns the share of tasks solved."""
    policy = cmta_jax.load_policy(source, pool_class=pool_class)
    policy = policy.of_seeds(policy.seeds[0])
    with pool_class(policy.settings.environment, policy.seeds) as pool:
        observation, first = pool.reset(), np.ones(pool.num_lanes, bool)  # [N, 39] and [N], one lane for each task
        carry, solved = policy.begin(), np.zeros(pool.num_lanes, bool)
        for _ in range(policy.spec.horizon):
            action, carry = policy.act(carry, observation, first)
            pool.send(action)
            step = pool.receive()
            observation, first, solved = step.observation, step.first, solved | step.success
    return float(np.mean(solved))


if __name__ == "__main__":
    print(f"solved {main(sys.argv[1]):.0%} of the tasks")
