"""The 50 goal sets of a task, drawn as Meta-World draws them but without simulating a single reset."""

import pickle

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.types import Task

from cmta_jax.environments.goals.schedule import NUM_GOAL_SETS


def draw(environment, stream: np.random.RandomState) -> np.ndarray:
    """The random vectors that `metaworld._make_tasks` would draw for this environment.

    Meta-World resets the environment 50 times and keeps the last vector of each reset. Here its own `reset` runs, so
    that its rejections (object too close to the goal) apply, with physics switched off and with `stream` in place of
    the global generator. Drawing for the tasks of a benchmark in order, from one `RandomState(seed)`, gives the goal
    sets of `metaworld.MT10(seed=seed)` and the like.

    Args:
        environment: an instance of one of Meta-World's classes; its state is spoilt until the next reset.
        stream: advanced by the draws.

    Returns:
        Vectors [50, D]; D depends on the task.
    """
    space = environment._random_reset_space
    last = None

    def draw_vector():
        nonlocal last
        last = stream.uniform(space.low, space.high, size=space.low.size).astype(np.float64)
        return last

    substitutes = {
        "_get_state_rand_vec": draw_vector,
        "do_simulation": lambda ctrl, n_frames: None,
        "set_state": lambda qpos, qvel: None,
        "_get_curr_obs_combined_no_goal": lambda: np.zeros(18),
    }
    vectors = []
    environment.__dict__.update(substitutes)
    try:
        for _ in range(NUM_GOAL_SETS):
            environment.reset()
            vectors.append(last.copy())
    finally:
        for name in substitutes:
            del environment.__dict__[name]
    return np.array(vectors)


def as_task(name: str, vector: np.ndarray) -> Task:
    """The official task, goal visible, whose goal set is `vector` [D]."""
    data = {"rand_vec": np.array(vector), "env_cls": ALL_V3_ENVIRONMENTS[name], "partially_observable": False}
    return Task(env_name=name, data=pickle.dumps(data))
