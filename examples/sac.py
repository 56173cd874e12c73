"""Soft actor-critic on MT10. Metaworld's own environments: python examples/sac.py metaworld:Meta-World/MT10"""

import sys

import gymnasium
import jax
import numpy as np

import cmta_jax


def main(name: str = "cmta_jax:Meta-World-Fast/MT10", steps: int = 5000, width: int = 64, **keywords) -> np.ndarray:
    """Learns from `steps` steps of N tasks, with an update after each; returns the rewards [steps, N]."""
    envs = gymnasium.make_vec(name, seed=1, **keywords)  # the only line that knows whose environments these are
    spec = cmta_jax.Spec(tuple(envs.get_attr("task_name")), *envs.single_observation_space.shape, action_dim=4)
    method = cmta_jax.build_method("mtmhsac", {"hidden_dim": width, "mtmhsac.encoding_dim": width}, spec)
    act, update, replay, rewards = jax.jit(method.act), jax.jit(method.update), [], []
    state, (observation, _), generator = method.init(jax.random.key(0)), envs.reset(), np.random.default_rng(0)
    for step in range(steps):
        act_key, learn_key = jax.random.split(jax.random.key(step))
        action, *_ = act(state.params, (), observation[:, None], np.zeros((len(observation), 1), bool), act_key, True)
        before, (observation, reward, _, truncated, infos) = observation, envs.step(np.asarray(action)[:, 0])
        after = np.stack(infos["final_obs"]) if truncated.all() else observation  # all episodes end together
        kept = before, np.asarray(action)[:, 0], reward, np.ones_like(reward), after, reward > np.inf, (), ()
        replay, rewards = [*replay[-100_000:], cmta_jax.Transition(*kept)], [*rewards, reward]
        rows = [replay[row] for row in generator.integers(len(replay), size=64)]
        batch = jax.tree.map(lambda *leaves: np.stack(leaves, axis=1).astype(np.float32), *rows)  # [N, 64, ...]
        state, _ = update(state, batch, learn_key)
    envs.close()
    return np.array(rewards)


if __name__ == "__main__":
    print("mean reward of each task in the last 500 steps:", main(*sys.argv[1:])[-500:].mean(axis=0).round(2))
