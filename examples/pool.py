"""Build a method, step a pool of simulators with it, and learn from one batch: python examples/pool.py"""

import jax
import numpy as np

import cmta_jax

TASKS, COPIES = ("reach-v3", "push-v3"), 4  # N = 2 tasks with C = 4 lanes each


def main(pool_class=cmta_jax.Pool) -> dict[str, np.ndarray]:
    """Takes one step of every lane and one update with the transitions; returns the update's metrics."""
    spec = cmta_jax.Spec(TASKS, pool_class.observation_dim, pool_class.action_dim)
    method = cmta_jax.build_method("cmta", {"hidden_dim": 64, "cmta.num_experts": 4}, spec)
    init_key, act_key, learn_key = jax.random.split(jax.random.key(0), 3)
    state, lanes = jax.jit(method.init)(init_key), (len(TASKS), COPIES)
    with pool_class(cmta_jax.EnvironmentConfig(TASKS), [0], COPIES, 1) as pool:
        observation, first = pool.reset().reshape(*lanes, -1), np.ones(lanes, bool)  # [N, C, 39] and [N, C]
        action, carry, next_carry = method.act(state.params, method.begin(COPIES), observation, first, act_key, True)
        pool.send(np.asarray(action).reshape(pool.num_lanes, -1))
        step = jax.tree.map(lambda leaf: leaf.reshape(*lanes, *leaf.shape[1:]), pool.receive())
    batch = cmta_jax.Transition(
        observation, action, step.reward, step.discount, step.next_observation, step.success, carry, next_carry
    )
    state, metrics = jax.jit(method.update)(state, batch, learn_key)
    return jax.tree.map(np.asarray, metrics)


if __name__ == "__main__":
    for name, value in main().items():
        print(f"{name:20} {value}")
