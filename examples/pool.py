"""Build a method, step a pool of simulators with it, and learn from one batch: python examples/pool.py"""

import jax
import numpy as np

from cmta_jax import methods
from cmta_jax.environments import EnvironmentConfig, Pool
from cmta_jax.types import Spec, Transition

TASKS = ("reach-v3", "push-v3")
COPIES = 4  # lanes per task


def main(pool_class=Pool) -> dict[str, np.ndarray]:
    """Takes one step of every lane and one update on what came of it; returns the update's metrics."""
    spec = Spec(TASKS, pool_class.observation_dim, pool_class.action_dim)
    method = methods.build("cmta", {"hidden_dim": 64, "cmta.num_experts": 4}, spec)
    act_key, learn_key, init_key = jax.random.split(jax.random.key(0), 3)
    state = method.init(init_key)
    with pool_class(EnvironmentConfig(TASKS), [0], COPIES, 1) as pool:
        lanes = len(TASKS), COPIES  # [N, C]
        observation, first = pool.reset().reshape(*lanes, -1), np.ones(lanes, bool)
        action, carry, next_carry = method.act(state.params, method.begin(COPIES), observation, first, act_key, True)
        pool.send(np.asarray(action).reshape(pool.num_lanes, -1))
        step = jax.tree.map(lambda leaf: leaf.reshape(*lanes, *leaf.shape[1:]), pool.receive())
    batch = Transition(
        observation, action, step.reward, step.discount, step.next_observation, step.success, carry, next_carry
    )
    state, metrics = jax.jit(method.update)(state, batch, learn_key)
    return jax.tree.map(np.asarray, metrics)


if __name__ == "__main__":
    for name, value in main().items():
        print(f"{name:20} {value}")
