"""An episode of each task, by the policy that comes with the package: python examples/first_look.py

Saves a film, first_look.gif, and the attention over the experts at every step, first_look.png, in this folder.
"""

import matplotlib.pyplot
import numpy as np
import PIL.Image

import cmta_jax


def main(source: str = "shipped", size: int = 240) -> None:
    """Films N tasks, `size` pixels wide each; `source` is a run folder or a policy file of a method with K experts."""
    policy = cmta_jax.load_policy(source)
    tasks, horizon, seed = [*policy.spec.task_names], policy.spec.horizon, policy.seeds[0]
    view = {"render_mode": "rgb_array", "camera_name": "corner4", "width": size, "height": size}
    envs = cmta_jax.make_vec("custom-mt-envs", envs_list=tasks, max_episode_steps=horizon, seed=seed, **view)
    policy, (observation, _), pictures, attention = policy.of_seeds(seed), envs.reset(), [], []
    carry, first = policy.begin(), np.ones(len(tasks), bool)  # [N], whether an episode begins
    for step in range(horizon):
        # Drawing takes longest. Meta-World's cameras hang upside down: half a turn.
        pictures += [PIL.Image.fromarray(np.hstack(np.rot90(envs.render(), 2, (1, 2))))] if step % 5 == 0 else []
        attention.append(policy.attention(carry, observation, first))  # [N, K]
        action, carry = policy.act(carry, observation, first)
        observation, first = envs.step(action)[0], np.zeros(len(tasks), bool)
    envs.close()
    pictures[0].save("first_look.gif", save_all=True, append_images=pictures[1:], duration=150)  # milliseconds
    figure, panels = matplotlib.pyplot.subplots(len(tasks), squeeze=False, layout="constrained")
    for task, panel, weights in zip(tasks, panels[:, 0], np.moveaxis(attention, 1, 0), strict=True):
        panel.stackplot(range(horizon), weights.T)
        panel.set(ylabel=task, xlim=(0, horizon - 1), ylim=(0, 1))
    figure.savefig("first_look.png")


if __name__ == "__main__":
    main()
