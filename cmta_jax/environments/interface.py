"""What the environments give back at every step."""

from typing import NamedTuple

import numpy as np


class Step(NamedTuple):
    """What one step of all lanes gave. L lanes in the order of seeds, tasks, copies; numpy arrays of their own.

    Attributes:
        next_observation: [L, 39] after the action; never a reset one.
        observation: [L, 39] what to act on next: `next_observation`, or the reset one where an episode begins.
        reward: [L] raw.
        success: [L] whether the task is solved at this step.
        discount: [L] 1; Meta-World has no terminal states, and a time limit is not one.
        first: [L] whether `observation` begins an episode.
        valid: [L] False where the step must not be learned from (a fault).
    """

    next_observation: np.ndarray
    observation: np.ndarray
    reward: np.ndarray
    success: np.ndarray
    discount: np.ndarray
    first: np.ndarray
    valid: np.ndarray
