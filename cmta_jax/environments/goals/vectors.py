"""The 50 goal vectors of a task, drawn as Meta-World draws them but without simulating a single reset."""

import pickle

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from metaworld.types import Task

from cmta_jax.environments.sizes import NUM_GOAL_SETS


def draw_goal_vectors(environment: SawyerXYZEnv, stream: np.random.RandomState) -> np.ndarray:
    """The vectors that `metaworld._make_tasks` would draw for this environment.

    Meta-World resets the environment 50 times and keeps the last vector of each reset. Here the same `reset` runs,
    because it rejects some vectors (object too close to the goal), but with physics switched off and with `stream` in
    place of the global generator. Drawing for the tasks of a benchmark in order, from one `RandomState(seed)`, gives
    the goal sets of `metaworld.MT10(seed=seed)` and the like.

    Args:
        environment: an instance of one of Meta-World's classes; its state is not usable until the next reset.
        stream: advanced by the draws.

    Returns:
        Vectors [50, D] float64; D depends on the task.
    """
    space = environment._random_reset_space
    assert space is not None, "every Meta-World environment has one after its construction"
    draws: list[np.ndarray] = []  # of one reset

    def draw() -> np.ndarray:
        draws.append(stream.uniform(space.low, space.high, size=space.low.size).astype(np.float64))
        return draws[-1]

    substitutes = {
        "_get_state_rand_vec": draw,
        "do_simulation": lambda ctrl, n_frames: None,
        "set_state": lambda qpos, qvel: None,
        "_get_curr_obs_combined_no_goal": lambda: np.zeros(18),
    }
    vectors = []
    environment.__dict__.update(substitutes)
    try:
        for _ in range(NUM_GOAL_SETS):
            draws.clear()
            environment.reset()
            vectors.append(draws[-1].copy())
    finally:
        for name in substitutes:
            del environment.__dict__[name]
    return np.array(vectors)


def as_task(name: str, vector: np.ndarray) -> Task:
    """The official task, goal visible, with goal vector `vector` [D]."""
    data = {"rand_vec": np.array(vector), "env_cls": ALL_V3_ENVIRONMENTS[name], "partially_observable": False}
    return Task(env_name=name, data=pickle.dumps(data))
