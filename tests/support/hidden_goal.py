"""A toy that needs memory: the goal is shown at the first step only, at which the point cannot move."""

import numpy as np
from toy_pool import ToyPool


class HiddenGoalPool(ToyPool):
    """The toy with two goals, at angles 0 and pi. Without memory at most half of the episodes can succeed."""

    num_goal_sets = 2

    def reset(self, episode=0, goal_sets=None):
        if goal_sets is None:
            goal_sets = [np.random.default_rng([*lane, episode]).integers(2) for lane in self.lanes]
        return super().reset(episode, 5 * np.asarray(goal_sets))

    def send(self, action):
        super().send(action)
        if self._time == 0:
            self._position = np.zeros_like(self._position)

    def _observe(self):
        observation = super()._observe()
        if self._time > 0:
            observation[:, 2:4] = 0
        return observation
