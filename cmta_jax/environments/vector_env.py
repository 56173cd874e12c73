"""Meta-World as a gymnasium.vector.VectorEnv, on the workers, lanes and shared memory of the trainer's pool.

`gym.make_vec("cmta_jax:Meta-World-Fast/MT10", seed=1)` gives the observations, rewards and episode ends of
`gym.make_vec("Meta-World/MT10", seed=1)`. L environments ("lanes"), in the order of tasks, then copies. It differs from
metaworld in four points: `reset(seed=)` is honoured, actions are rounded to float32, an action that is NaN or infinite
is refused, and the goal is not bounded in the observation space (metaworld bounds it to 0 by mistake).
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from cmta_jax.environments.pool import balancing, channel, shared_memory
from cmta_jax.environments.pool.faults import FaultRecord
from cmta_jax.environments.pool.pool import check_actions
from cmta_jax.environments.pool.workers import Team
from cmta_jax.environments.rendering import find_backend
from cmta_jax.environments.sizes import INFO_KEYS, OBSERVATION_DIM
from cmta_jax.environments.vector_attributes import LaneAttributes
from cmta_jax.environments.vector_config import VectorEnvConfig, translate
from cmta_jax.environments.vector_goals import GoalStreams
from cmta_jax.environments.vector_infos import EpisodeStatistics, step_infos, with_entry

_SUCCESS = INFO_KEYS.index("success")


def make(benchmark: str, workers: int | None = None, **keywords: Any) -> "MetaWorldVectorEnv":
    """The environment of a Gymnasium id; see `vector_config.translate` for arguments and errors."""
    return MetaWorldVectorEnv(translate(benchmark, keywords), workers)


class MetaWorldVectorEnv(gymnasium.vector.VectorEnv):
    """Environments that each end their own episode. Observations [L, 39], one-hot task appended if asked for.

    A worker that dies or hangs is replaced. Its lanes then truncate with reward 0 and the observation before the
    fault, and `infos["worker_restarted"]` is True for them; so does a lane whose physics is unstable.

    Args:
        config: tasks, seeds, copies, episode ends, rewards.
        workers: processes. None: one per core. One of them is the caller then, unless pictures are drawn: it steps its
            share in `step_wait`, and cannot be replaced if it hangs. Results do not depend on it.
        timeout: seconds without an answer after which a worker counts as lost.
        max_restarts: lost workers (or failed episodes of one lane in a row) after which `TooManyFaults` is raised.
    """

    def __init__(
        self, config: VectorEnvConfig, workers: int | None = None, timeout: float = 60.0, max_restarts: int = 10
    ):
        self.config, self.num_envs = config, len(config.tasks) * config.copies
        self.metadata = {"autoreset_mode": config.autoreset_mode, "render_modes": ["rgb_array"], "render_fps": 80}
        self.render_mode = config.render_mode
        self._make_spaces()
        self._tasks = [task for task in config.tasks for _ in range(config.copies)]
        self._faults, num_seeds = FaultRecord(self._tasks, max_restarts), len(config.goal_seeds)
        size = (config.height, config.width) if config.render_mode else None  # of pictures
        settings: dict[str, Any] = {"reward_version": config.reward_version, "success_version": "reward"}
        if size:
            settings["pictures"] = {"backend": find_backend(), **config.camera}
        dims = num_seeds, len(config.tasks) // num_seeds, config.copies
        self._team = Team(
            self._tasks,
            shared_memory.layout(*dims, exact=True, picture=size),
            settings,
            workers=balancing.Workers(balancing.count_workers(workers, self.num_envs), workers is None and not size),
            timeout=timeout,
            on_lost=self._faults.worker_lost,
        )
        self._shared = self._team.shared
        self._team.draw_goal_vectors(config.goal_seeds)
        self._goals = GoalStreams(config.lane_seeds)
        self._attributes = LaneAttributes(config, self._tasks, self._goals, self._shared["goal_vectors"])
        self._statistics = EpisodeStatistics(self.num_envs)
        self._observation = np.zeros((self.num_envs, OBSERVATION_DIM))
        # lanes whose episode has ended; lanes whose worker was lost since the last step
        self._must_reset, self._lost = np.zeros((2, self.num_envs), bool)
        self._begun = self._pending = False  # whether there was a reset; whether a step is under way

    def _make_spaces(self) -> None:
        self.single_observation_space = self.config.single_observation_space
        self.single_action_space = self.config.single_action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        one_hot = np.repeat(np.eye(len(self.config.tasks)), self.config.copies, axis=0)
        self._one_hot = one_hot if self.config.use_one_hot else one_hot[:, :0]  # [L, N or 0]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins an episode in all lanes, or in those of `options["reset_mask"]` [L] bool.

        Args:
            seed: from which the lanes draw their goal sets from now on: one per lane, or an int for seed + lane.
            options: `reset_mask` is read.

        Returns:
            Observation [L, 39], and empty infos as in metaworld.
        """
        self._assert_open()
        if self._pending:
            raise RuntimeError("A step is under way: call step_wait before reset.")
        lanes = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, bool)))
        if lanes.shape != (self.num_envs,) or lanes.dtype != bool or not lanes.any():
            raise ValueError(f"reset_mask must be a bool array of shape ({self.num_envs},) with at least one True.")
        self._goals.seed(seed, lanes)
        if not (self._begun or lanes.all()):
            raise ValueError("reset_mask must be all True in the first reset.")
        self._lost = (self._lost | self._reset_lanes(lanes)) & ~lanes
        self._begin(lanes)
        self._begun = True
        return self._output(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Steps all lanes; see `step_wait`. Args: actions [L, 4]."""
        self.step_async(actions)
        return self.step_wait()

    def step_async(self, actions: np.ndarray) -> None:
        """Starts a step of all lanes and returns at once. Args: actions [L, 4], finite.

        Raises:
            ValueError: actions are not finite, or have another shape.
            RuntimeError: a lane has no episode, or a step is under way.
        """
        self._assert_open()
        if self._pending:
            raise RuntimeError("A step is under way: call step_wait before the next step_async.")
        mode, shared = self.config.autoreset_mode, self._shared
        if not self._begun or (mode == AutoresetMode.DISABLED and self._must_reset.any()):
            raise RuntimeError("An environment has no episode: call reset before step.")
        shared["action"][:] = check_actions(actions, self._tasks)
        shared["goal_set"][:] = self._goals.next
        same_step = mode == AutoresetMode.SAME_STEP
        at_limit = self._statistics.lengths + 1 >= self.config.episode_steps
        shared["reset_mask"][:] = at_limit if same_step else self._must_reset
        shared["reset_on_success"][:] = self._attributes.terminate_on_success & same_step
        resets = shared["reset_mask"].any() or shared["reset_on_success"].any()
        self._team.ask(channel.STEP_AND_RESET if resets else channel.STEP)
        self._pending = True

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Waits for the step.

        Returns:
            Observation [L, 39] float64, reward [L] float64, terminated [L] bool, truncated [L] bool, infos.

        Raises:
            TooManyFaults: workers were lost, or a lane failed, too often.
        """
        if not self._pending:
            raise RuntimeError("No step is under way: call step_async before step_wait.")
        broken, self._pending = self._await_answers() | self._lost, False
        if broken.any():
            broken = self._reset_lanes(broken)  # a new simulator must be reset before it is stepped
            self._lost[:] = False
        stepped = ~self._must_reset  # the others (NEXT_STEP) ignored the action and were reset
        faulty = broken & stepped
        observation, reward, numbers = (self._shared[name].copy() for name in ("next_observation", "reward", "info"))
        if faulty.any() or not stepped.all():
            observation[faulty], reward[~stepped | faulty], numbers[faulty] = self._observation[faulty], 0.0, 0.0
        self._statistics.step(reward, self._shared["reward_kind"], stepped)
        terminated = stepped & self._attributes.terminate_on_success & (numbers[:, _SUCCESS] == 1.0)
        truncated = stepped & (faulty | (self._statistics.lengths >= self.config.episode_steps))
        ended, same_step = terminated | truncated, self.config.autoreset_mode == AutoresetMode.SAME_STEP
        final = np.append(observation, self._one_hot, axis=1) if same_step and ended.any() else None
        infos = step_infos(numbers, stepped, ended, self._statistics, final)
        if broken.any():
            with_entry(infos, "worker_restarted", broken.copy(), broken)
        self._faults.episode_ended(ended & ~broken)
        self._observation = observation
        self._must_reset = np.zeros(self.num_envs, bool) if same_step else ended
        self._begin(ended if same_step else ~stepped)
        return self._output(), reward, terminated, truncated, infos

    def _begin(self, lanes: np.ndarray) -> None:
        """Notes that `lanes` [L] bool were reset; draws the goal sets of their next episodes."""
        if not lanes.any():
            return
        self._observation[lanes] = self._shared["reset_observation"][lanes]
        self._must_reset[lanes] = False
        self._statistics.begin(lanes)
        self._goals.draw(lanes)

    def _reset_lanes(self, lanes: np.ndarray) -> np.ndarray:
        """Resets `lanes` [L] bool on their next goal sets; returns these and lanes of workers lost meanwhile."""
        done, due = lanes, lanes
        while due.any():
            self._shared["goal_set"][:], self._shared["reset_mask"][:] = self._goals.next, due
            self._team.ask(channel.RESET)
            due = self._await_answers()
            done = done | due
        return done

    def _await_answers(self) -> np.ndarray:
        """Waits for the workers; returns the lanes [L] bool that failed or were lost with their worker."""
        failed, lost = self._team.wait()
        for lane, cause in failed.items():
            goal_set, step = int(self._shared["goal_set"][lane]), int(self._statistics.lengths[lane])
            self._faults.episode_failed(lane, goal_set, step, cause)
        broken = np.zeros(self.num_envs, bool)
        broken[list(failed) + lost] = True
        return broken

    def _output(self) -> np.ndarray:
        """The observation [L, 39 or 39 + N] as the caller gets it."""
        return np.append(self._observation, self._one_hot, axis=1).astype(self.single_observation_space.dtype)

    def render(self) -> tuple[np.ndarray, ...]:
        """A picture [height, width, 3] uint8 of every lane, as it is after the last step or reset.

        Raises:
            RuntimeError: there was no reset, or a step is under way.
            ValueError: the environment was made without `render_mode="rgb_array"`.
        """
        self._assert_open()
        if self.render_mode is None:
            raise ValueError("render needs render_mode='rgb_array' when the environment is made.")
        if self._pending or not self._begun:
            raise RuntimeError(f"Call {'step_wait' if self._pending else 'reset'} before render.")
        lost = [-1]
        while lost:
            self._team.ask(channel.PICTURE)
            failed, lost = self._team.wait(patience=self.num_envs)
            self._lost |= self._reset_lanes(np.isin(np.arange(self.num_envs), lost))  # they truncate at the next step
            for cause in failed.values():
                raise RuntimeError(f"The environments could not be drawn: {cause.strip().splitlines()[-1]}")
        return tuple(self._shared["picture"].copy())

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """A method of every lane: `toggle_terminate_on_success`, `get_checkpoint`, `load_checkpoint`, `render`."""
        return self.render() if name == "render" else self._attributes.call(name, *args, **kwargs)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """One value per lane; see `LaneAttributes.get`."""
        return self._attributes.get(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Sets `terminate_on_success`; see `LaneAttributes.set`."""
        self._attributes.set(name, values)

    def _assert_open(self) -> None:
        if self.closed:
            raise gymnasium.error.ClosedEnvironmentError("The environment was closed: make a new one.")

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the workers."""
        if hasattr(self, "_team"):
            self._team.close()
