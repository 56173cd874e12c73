"""An episode of each task, by the policy that comes with the package or another: python examples/first_look.py

Saves a film, first_look.gif, and the attention over the experts at every step, first_look.png, in this folder.
"""

import sys

import gymnasium
import matplotlib.pyplot
import numpy as np
import PIL.Image

import cmta_jax


def main(source: str = "shipped", size: int = 240) -> np.ndarray:
    """Returns the attention [T, N, K] of an episode of T steps, N tasks and K experts; pictures are `size` pixels wide."""
    policy = cmta_jax.load_policy(source)
    policy, tasks, horizon = policy.of_seeds(policy.seeds[0]), policy.spec.task_names, policy.spec.horizon
    simulated = {"envs_list": tasks, "max_episode_steps": horizon, "seed": policy.seeds[0]}
    filmed = {"render_mode": "rgb_array", "camera_name": "corner2", "width": size, "height": size}
    envs = gymnasium.make_vec("cmta_jax:Meta-World-Fast/custom-mt-envs", **simulated, **filmed)
    (observation, _), carry, pictures, attention = envs.reset(), policy.begin(), [], []
    for step in range(horizon):
        first = np.full(len(tasks), step == 0)  # [N], whether an episode begins
        pictures.append(PIL.Image.fromarray(np.hstack(envs.render())))
        attention.append(policy.attention(carry, observation, first))  # [N, K]
        action, carry = policy.act(carry, observation, first)
        observation = envs.step(action)[0]
    envs.close()
    pictures[0].save("first_look.gif", save_all=True, append_images=pictures[1:], duration=30)  # milliseconds
    figure, panels = matplotlib.pyplot.subplots(len(tasks), sharex=True, squeeze=False, layout="constrained")
    for index, panel in enumerate(panels[:, 0]):
        panel.stackplot(range(horizon), np.array(attention)[:, index].T)
        panel.set(ylabel=tasks[index], ylim=(0, 1), xlim=(0, horizon - 1))
    figure.savefig("first_look.png")
    return np.array(attention)


if __name__ == "__main__":
    main(*sys.argv[1:])
