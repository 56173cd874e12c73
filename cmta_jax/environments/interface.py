"""What the rest of the project asks of its environments: one step, a pool, and what makes a pool.

Axes: L lanes, in the order of seeds, tasks, copies; S seeds, N tasks, G goal sets of a task, D numbers of a goal.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import ClassVar, NamedTuple, Protocol, Self

import numpy as np

from cmta_jax.environments.config import EnvironmentConfig


class Step(NamedTuple):
    """What one step of all lanes gave. Numpy arrays; later steps do not overwrite them.

    Attributes:
        next_observation: [L, observation_dim] float32, after the action; never one of a reset.
        observation: [L, observation_dim] float32, what to act on next: `next_observation`, or the observation of the
            reset where an episode begins.
        reward: [L] float32, not normalised.
        success: [L] bool, whether the task is solved at this step.
        discount: [L] float32, always 1: Meta-World has no terminal states, and a time limit is not one.
        first: [L] bool, whether `observation` begins an episode.
        valid: [L] bool, False where the step must not be learned from, because a simulator or a worker failed.
    """

    next_observation: np.ndarray
    observation: np.ndarray
    reward: np.ndarray
    success: np.ndarray
    discount: np.ndarray
    first: np.ndarray
    valid: np.ndarray


class EnvironmentPool(Protocol):
    """All lanes as one vector of environments with a common episode clock. Leaving its `with` block ends the workers.

    The calls come in this order: `reset` or `restore`, then `send` and `receive` in turn.

    Attributes:
        observation_dim, action_dim: numbers of one observation and of one action.
        num_goal_sets: goal sets of each task (G).
    """

    observation_dim: ClassVar[int]
    action_dim: ClassVar[int]
    num_goal_sets: ClassVar[int]

    @property
    def num_lanes(self) -> int:
        """L = seeds x tasks x copies."""
        ...

    @property
    def goal_vectors(self) -> np.ndarray:
        """The numbers behind the goal sets [S, N, G, D] float64; shorter vectors end in zeros."""
        ...

    def reset(self, episode: int = 0, goal_sets: np.ndarray | None = None) -> np.ndarray:
        """Begins an episode in all lanes.

        Args:
            episode: number of the training episode; the goal sets follow from it.
            goal_sets: [L] int, indices of the goal sets to use instead (evaluation). Such episodes repeat themselves
                until the next reset.

        Returns:
            Observation [L, observation_dim] float32.
        """
        ...

    def send(self, action: np.ndarray) -> None:
        """Starts a step of all lanes and returns at once. Args: action [L, action_dim] float32, finite."""
        ...

    def receive(self) -> Step:
        """Waits until the step that was sent is done, and returns it."""
        ...

    def snapshot(self) -> dict[str, np.ndarray]:
        """Plain arrays from which `restore` comes back to this point."""
        ...

    def restore(self, snapshot: dict[str, np.ndarray]) -> np.ndarray:
        """Comes back to where `snapshot` was taken; returns the observation [L, observation_dim] to act on."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class PoolFactory(Protocol):
    """What makes a pool: the class `Pool` itself, or another class of the same kind in a test. Knows its sizes.

    Attributes:
        observation_dim, action_dim: numbers of one observation and of one action.
        num_goal_sets: goal sets of each task (G).
    """

    @property
    def observation_dim(self) -> int: ...

    @property
    def action_dim(self) -> int: ...

    @property
    def num_goal_sets(self) -> int: ...

    def __call__(
        self, config: EnvironmentConfig, seeds: Sequence[int], copies: int = 1, workers: int | None = None, /
    ) -> EnvironmentPool:
        """A pool.

        Args:
            config: tasks, goals, horizon, rewards, simulator.
            seeds: [S], one per run that is trained together.
            copies: lanes per task and seed.
            workers: processes; None: one per core.
        """
        ...
