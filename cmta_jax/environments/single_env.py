"""One Meta-World task as a gymnasium.Env, in the caller's process: `gym.make("cmta_jax:Meta-World-Fast/reach-v3")`.

It gives what `gym.make("Meta-World/MT1", env_name="reach-v3")` gives, with the four differences of `vector_env`.
"""

from typing import Any, ClassVar

import gymnasium
import numpy as np

from cmta_jax.environments import simulator
from cmta_jax.environments.pool.pool import check_actions
from cmta_jax.environments.rendering import find_backend
from cmta_jax.environments.sizes import INFO_KEYS
from cmta_jax.environments.vector_config import MAX_EPISODE_STEPS, VectorEnvConfig, translate
from cmta_jax.environments.vector_goals import GoalStreams


def make(env_name: str, benchmark: str = "MT1", **keywords: Any) -> gymnasium.Env:
    """The environment of one task, with the statistics of each episode in its last `info`, as metaworld gives them.

    Args:
        env_name: such as `reach-v3`.
        benchmark: MT1, as for a vector environment.
        keywords: see `vector_config.translate`.

    Raises:
        ValueError: a value is out of range, or stands for something that is not built.
    """
    return gymnasium.wrappers.RecordEpisodeStatistics(
        MetaWorldEnv(translate(benchmark, {"env_name": env_name, **keywords}))
    )


class MetaWorldEnv(gymnasium.Env):
    """One task. Observations [39] float64; the one-hot task, a single 1, is appended if asked for.

    An episode whose physics becomes unstable is truncated, with reward 0 and the observation before.

    Args:
        config: of one task; `copies` and `autoreset_mode` do not apply.

    Attributes:
        task_name: the class, as in metaworld.
        max_path_length: steps after which Meta-World ends an episode.
        terminate_on_success: whether an episode ends when the task is solved.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 80}

    def __init__(self, config: VectorEnvConfig):
        self.config, self.render_mode = config, config.render_mode
        self.observation_space, self.action_space = config.single_observation_space, config.single_action_space
        self.terminate_on_success, self.max_path_length = config.terminate_on_success, MAX_EPISODE_STEPS
        self._backend = find_backend() if config.render_mode else None
        self._simulator = simulator.make(config.tasks[0], "fast", config.reward_version, "reward")
        self.task_name = self._simulator.environment.task_name
        self._simulator.vectors = self._simulator.draw_goal_vectors(np.random.RandomState(config.goal_seeds[0]))
        self._goals = GoalStreams(config.lane_seeds)
        self._observation = np.zeros(self.observation_space.shape)
        self._steps: int | None = None  # of the episode; None: there is none
        self._pictures: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Begins an episode on a goal set drawn at random.

        Args:
            seed: from which goal sets are drawn from now on.
            options: not read.

        Returns:
            Observation [39], and an empty info as in metaworld.
        """
        super().reset(seed=seed)
        self._goals.seed(seed, np.ones(1, bool))
        self._observation, self._steps = self._simulator.reset(int(self._goals.next[0])), 0
        self._goals.draw(np.ones(1, bool))
        return self._output(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step. Args: action [4], finite.

        Returns:
            Observation [39] float64, reward, terminated, truncated, Meta-World's info.

        Raises:
            ValueError: the action is not finite, or has another shape.
            RuntimeError: there is no episode.
        """
        if self._steps is None:
            raise RuntimeError("The environment has no episode: call reset before step.")
        (checked,) = check_actions(np.asarray(action)[None], self.config.tasks)
        observation, reward, success = self._simulator.step(checked)
        self._steps += 1
        truncated, info = self._steps >= self.config.episode_steps, self._simulator.info
        if self._simulator.is_unstable():
            observation, reward, success, truncated = self._observation, 0.0, False, True
            info: dict[str, Any] = dict.fromkeys(INFO_KEYS, 0.0)
        self._observation, terminated = observation, bool(self.terminate_on_success and success)
        self._steps = None if terminated or truncated else self._steps
        return self._output(), reward, terminated, truncated, info

    def render(self) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]: one kind of frame
        """A picture [height, width, 3] uint8, or None without `render_mode="rgb_array"`."""
        if self._backend is None:
            return None
        if self._pictures is None:
            from cmta_jax.environments.simulator.pictures import Pictures

            self._pictures = Pictures(self._simulator.environment, self._backend, **self.config.camera)
        return self._pictures.draw()

    def toggle_terminate_on_success(self, on: bool) -> None:
        """Whether episodes end when the task is solved, from now on."""
        self.terminate_on_success = on

    def close(self) -> None:
        """Frees what draws pictures."""
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None

    def _output(self) -> np.ndarray:
        one_hot = np.ones(int(self.config.use_one_hot))
        return np.append(self._observation, one_hot).astype(self.observation_space.dtype)
