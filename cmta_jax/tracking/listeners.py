"""Listeners: what happens to the numbers of a run. Every listener has the four methods of `Listener`."""

import numpy as np


class Listener:
    """The base of all listeners, which does nothing.

    `step` counts environment steps per task. Arrays are numpy arrays, the seed on the first axis.
    """

    def metrics(self, step: int, values: dict[str, np.ndarray]) -> None:
        """Called with what the learner measured: values `[S]` or, one per task, `[S, N]`."""

    def evaluation(self, step: int, success: np.ndarray, episode_return: np.ndarray) -> None:
        """Called after an evaluation: success rate in [0, 1] and mean return of raw rewards, `[S, N]` each."""

    def sync(self) -> None:
        """Makes everything so far durable; called before a checkpoint is saved."""

    def close(self) -> None:
        """Closes the listener."""


class Several(Listener):
    """Calls each of `listeners`, in order."""

    def __init__(self, *listeners: Listener):
        self.listeners = listeners

    def metrics(self, step, values):
        for listener in self.listeners:
            listener.metrics(step, values)

    def evaluation(self, step, success, episode_return):
        for listener in self.listeners:
            listener.evaluation(step, success, episode_return)

    def sync(self):
        for listener in self.listeners:
            listener.sync()

    def close(self):
        for listener in self.listeners:
            listener.close()
