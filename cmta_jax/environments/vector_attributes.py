"""What `get_attr`, `set_attr` and `call` of the vector environment reach. The lanes have no objects here to ask."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cmta_jax.environments.vector_config import MAX_EPISODE_STEPS, VectorEnvConfig
from cmta_jax.environments.vector_goals import GoalStreams


class LaneAttributes:
    """The attributes and methods of metaworld's environments that training and evaluation code uses.

    Args:
        config: of the vector environment.
        tasks: the task of each lane [L].
        goals: the lanes' streams of goal sets.
        goal_vectors: shared with the workers, [seeds, tasks per seed, 50, 6] float64.

    Attributes:
        terminate_on_success: [L] bool, whether a lane's episode ends when its task is solved.
    """

    def __init__(self, config: VectorEnvConfig, tasks: list[str], goals: GoalStreams, goal_vectors: np.ndarray):
        self._config, self._tasks, self._goals = config, tasks, goals
        self._goal_vectors = goal_vectors.reshape(-1, *goal_vectors.shape[2:])  # [N, 50, 6], a view
        self.terminate_on_success = np.full(len(tasks), config.terminate_on_success)
        self._methods = {
            "toggle_terminate_on_success": self._toggle,
            "get_checkpoint": self._checkpoints,
            "load_checkpoint": self._load,
        }

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """A method of every lane, or an attribute as `get` gives it.

        Raises:
            AttributeError: there is neither.
        """
        if name in self._methods:
            return self._methods[name](*args, **kwargs)
        if args or kwargs:
            raise AttributeError(f"Meta-World-Fast has no method '{name}': {self._known()}.")
        return self.get(name)

    def get(self, name: str) -> tuple[Any, ...]:
        """One value per lane; `task_name` is the class, as in metaworld.

        Raises:
            AttributeError: an unknown name.
        """
        if name == "task_name":
            from metaworld.env_dict import ALL_V3_ENVIRONMENTS  # slow to import, and rarely needed

            return tuple(ALL_V3_ENVIRONMENTS[task].__name__ for task in self._tasks)
        if name == "terminate_on_success":
            return tuple(self.terminate_on_success.tolist())
        common = {
            "max_path_length": MAX_EPISODE_STEPS,
            "render_mode": self._config.render_mode,
            "reward_function_version": self._config.reward_version,
            "observation_space": self._config.single_observation_space,
            "action_space": self._config.single_action_space,
        }
        if name not in common:
            raise AttributeError(f"Meta-World-Fast has no attribute '{name}': {self._known(*common)}.")
        return (common[name],) * len(self._tasks)

    def set(self, name: str, values: Any) -> None:
        """Sets `terminate_on_success`: one value for all lanes, or a list with one per lane.

        Raises:
            AttributeError: another attribute.
            ValueError: a list of another length.
        """
        if name != "terminate_on_success":
            raise AttributeError(f"'{name}' cannot be set in Meta-World-Fast: give it when the environment is made.")
        if isinstance(values, list | tuple) and len(values) != len(self._tasks):
            raise ValueError(f"{name} has {len(values)} values: give one, or one per each of {len(self._tasks)} lanes.")
        self.terminate_on_success[:] = values

    def _known(self, *more: str) -> str:
        return "there are " + ", ".join(["task_name", "terminate_on_success", *more, *self._methods])

    def _toggle(self, on: bool) -> tuple[Any, ...]:
        self.terminate_on_success[:] = on
        return (None,) * len(self._tasks)

    def _checkpoints(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """As metaworld's: where the streams of goal sets stand, and the goal vectors; not the middle of an episode."""
        saved = [
            {**self._goals.save(lane), "goal_vectors": self._vectors_of(lane).tolist()}
            for lane in range(len(self._tasks))
        ]
        return tuple(zip(self._names(), saved, strict=True))

    def _load(self, checkpoints: Sequence[tuple[str, dict[str, Any]]]) -> tuple[Any, ...]:
        """Takes what `get_checkpoint` gave; the next reset begins the episode that would have come then."""
        saved = dict(checkpoints)
        missing = [name for name in self._names() if name not in saved]
        if missing:
            raise ValueError(f"The checkpoint has no '{missing[0]}': it has {', '.join(saved) or 'nothing'}.")
        for lane, name in enumerate(self._names()):
            self._goals.load(lane, saved[name])
            self._vectors_of(lane)[:] = saved[name]["goal_vectors"]
        return (None,) * len(self._tasks)

    def _names(self) -> list[str]:
        return [f"{task}_{lane}" for lane, task in enumerate(self._tasks)]

    def _vectors_of(self, lane: int) -> np.ndarray:
        """The goal vectors [50, 6] of a lane's task; a view."""
        return self._goal_vectors[lane // self._config.copies]
