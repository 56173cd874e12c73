"""A pool of point masses with the interface of `cmta_jax.environments.Pool`, in numpy and without processes."""

import numpy as np

from cmta_jax.environments.pool.pool import Step


class ToyPool:
    """Each lane moves a point in a plane towards one of ten goals; success is being close to it.

    Observation `[L, 6]`: position, goal, task and a constant. Goals follow from (seed, task, copy, episode).
    """

    observation_dim, action_dim, num_goal_sets = 6, 2, 10

    def __init__(self, num_tasks=2, seeds=(0,), copies=1, horizon=10):
        self.horizon, self.lanes = horizon, [(s, t, c) for s in seeds for t in range(num_tasks) for c in range(copies)]
        self.num_lanes = len(self.lanes)
        self.faulty = {}  # step of the run -> lanes whose transition is lost there
        self._steps = 0

    def reset(self, episode=0, goal_sets=None):
        if goal_sets is None:
            goal_sets = [np.random.default_rng([*lane, episode]).integers(10) for lane in self.lanes]
        angle = 2 * np.pi * np.asarray(goal_sets) / 10
        self._episode, self._time, self._actions = episode, 0, []
        self._goal = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)
        self._position = np.zeros_like(self._goal)
        return self._observe()

    def send(self, action):
        assert action.shape == (self.num_lanes, 2) and np.abs(action).max() <= 1
        self._actions.append(np.array(action))
        self._position = self._position + np.float32(0.2) * self._actions[-1]

    def receive(self):
        self._time, self._steps = self._time + 1, self._steps + 1
        after = self._observe()
        distance = np.linalg.norm(self._position - self._goal, axis=-1).astype(np.float32)
        valid = ~np.isin(np.arange(self.num_lanes), self.faulty.get(self._steps, []))
        self._position[~valid] = 0
        last = self._time == self.horizon
        observation = self.reset(self._episode + 1) if last else self._observe()
        first = np.full(self.num_lanes, last) | ~valid
        return Step(after, observation, -distance, distance < 0.3, np.ones_like(distance), first, valid)

    def snapshot(self):
        return {"episode": np.array(self._episode), "actions": np.array(self._actions).reshape(-1, self.num_lanes, 2)}

    def restore(self, snapshot):
        self.reset(int(snapshot["episode"]))
        for action in snapshot["actions"]:
            self.send(action)
            self._time += 1
        return self._observe()

    def _observe(self):
        task = np.array([[t, 1.0] for _, t, _ in self.lanes], np.float32)
        return np.concatenate([self._position, self._goal, task], axis=-1)
