"""The trainer's pool: the lanes of all seeds, tasks and copies, with a common episode clock."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from cmta_jax.environments.config import EnvironmentConfig
from cmta_jax.environments.interface import Step
from cmta_jax.environments.pool import balancing, channel, shared_memory
from cmta_jax.environments.pool.episodes import Episodes
from cmta_jax.environments.pool.faults import FaultRecord
from cmta_jax.environments.pool.workers import Team
from cmta_jax.environments.sizes import ACTION_DIM, NUM_GOAL_SETS, OBSERVATION_DIM


class Pool:
    """Environments in worker processes; an `interface.EnvironmentPool`.

    All lanes begin and end their episodes together, every `config.horizon` steps; the next episode begins without a
    call. A lane's goal set is a function of (seed, task, copy, episode), so neither the number of workers nor an
    evaluation between two episodes changes a trajectory.

    Args:
        config: tasks, goals, horizon, rewards, simulator.
        seeds: one per run trained together (S), not negative.
        copies: lanes per task and seed (C).
        workers: processes; by default one per core. Results do not depend on it.
        timeout: seconds without an answer after which a worker counts as lost and is replaced.
        max_restarts: lost workers (or failed episodes of one lane in a row) after which `TooManyFaults` is raised.
    """

    observation_dim: ClassVar[int] = OBSERVATION_DIM
    action_dim: ClassVar[int] = ACTION_DIM
    num_goal_sets: ClassVar[int] = NUM_GOAL_SETS

    def __init__(
        self,
        config: EnvironmentConfig,
        seeds: Sequence[int],
        copies: int = 1,
        workers: int | None = None,
        timeout: float = 60.0,
        max_restarts: int = 10,
    ):
        if copies < 1 or not seeds or min(seeds) < 0:
            raise ValueError(f"A pool needs at least one copy and seeds from 0 on; got {copies} and {list(seeds)}.")
        self.config, self.seeds, self.copies = config, tuple(int(seed) for seed in seeds), copies
        dims = (len(seeds), len(config.tasks), copies)
        self.lane_tasks = [config.tasks[task] for _, task, _ in np.ndindex(dims)]
        self.num_lanes = len(self.lane_tasks)
        self.faults = FaultRecord(self.lane_tasks, max_restarts)
        simulator = {name: getattr(config, name) for name in ("simulator", "reward_version", "success_version")}
        self._team = Team(
            self.lane_tasks,
            shared_memory.layout(*dims),
            simulator,
            workers=balancing.Workers(balancing.count_workers(workers, self.num_lanes)),
            timeout=timeout,
            on_lost=self.faults.worker_lost,
        )
        self._shared = self._team.shared
        self._team.draw_goal_vectors(self.seeds)
        self._episodes = Episodes(config, self.seeds, copies, self.num_lanes, self.action_dim)
        self._observation = np.zeros((self.num_lanes, self.observation_dim), np.float32)  # what the lanes act on next
        self._begun = False  # whether there was a reset
        self._sent = False

    def reset(self, episode: int = 0, goal_sets: np.ndarray | None = None) -> np.ndarray:
        """Begins an episode in all lanes.

        Args:
            episode: number of the training episode, from which the goal sets follow.
            goal_sets: [L] int, indices of the goal sets to use instead (evaluation). Such episodes repeat themselves
                until the next reset.

        Returns:
            Observation [L, 39] float32.
        """
        _must(not self._sent, "receive the step under way before a reset")
        if goal_sets is not None:
            goal_sets = np.asarray(goal_sets)
            if goal_sets.shape != (self.num_lanes,) or not np.isin(goal_sets, range(self.num_goal_sets)).all():
                raise ValueError(f"goal_sets must be {self.num_lanes} numbers from 0 to {self.num_goal_sets - 1}.")
        self._episodes.begin(episode, goal_sets)
        self._reset_lanes(np.ones(self.num_lanes, bool))
        self._observation, self._begun = self._shared["reset_observation"].copy(), True
        return self._observation

    def send(self, action: np.ndarray) -> None:
        """Starts a step of all lanes and returns at once.

        Args:
            action: [L, 4], finite; Meta-World clips the numbers to [-1, 1].

        Raises:
            ValueError: an action is NaN or infinite (MuJoCo would reset its state without an error), or has another
                shape.
        """
        _must(self._begun, "reset before the first send")
        _must(not self._sent, "receive before the next send")
        action = self._checked(action)
        self._episodes.actions[self._episodes.step] = action
        if self._episodes.at_last_step:
            self._shared["goal_set"][:], self._shared["reset_mask"][:] = self._episodes.next_goal_sets(), True
        self._start_step(action, channel.STEP_AND_RESET if self._episodes.at_last_step else channel.STEP)
        self._sent = True

    def receive(self) -> Step:
        """Sleeps until the step is done, and returns it.

        Raises:
            TooManyFaults: workers were lost, or a lane failed, too often; names the tasks and the last cause.
        """
        _must(self._sent, "send before receive")
        broken = self._await_answers()
        self._sent = False
        ended = self._episodes.advance()
        next_observation, reward, success = (
            self._shared[name].copy() for name in ("next_observation", "reward", "success")
        )
        if broken.any():
            self._episodes.restart(broken)
            broken = self._reset_lanes(broken)
            next_observation[broken], reward[broken], success[broken] = self._observation[broken], 0, False
        if ended:
            self.faults.episode_ended(~broken)
        first = broken | ended  # [L]
        self._observation = next_observation.copy()
        if first.any():
            self._observation[first] = self._shared["reset_observation"][first]
        discount = np.ones(self.num_lanes, np.float32)
        return Step(next_observation, self._observation, reward, success, discount, first, valid=~broken)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Episode number, step, goal sets and actions of the current episode; `restore` comes back to this point."""
        _must(not self._sent, "receive the step under way before a snapshot")
        return self._episodes.snapshot()

    def restore(self, snapshot: dict[str, np.ndarray]) -> np.ndarray:
        """Comes back to where `snapshot` was taken, by repeating the actions of its episode.

        Returns:
            Observation [L, 39] float32. The steps from here on equal those that followed the snapshot.

        Raises:
            ValueError: the snapshot has other lanes or another horizon.
        """
        _must(not self._sent, "receive the step under way before restoring")
        self._episodes.load(snapshot)
        while not self._replay():
            pass  # a worker was lost and has been replaced: repeat the actions from the start
        self._begun = True
        return self._observation

    def ping(self) -> None:
        """Sends every worker an empty command and waits for the answers; measures what synchronisation costs."""
        _must(not self._sent, "receive the step under way before a ping")
        self._team.ask(channel.PING)
        self._await_answers()

    def close(self) -> None:
        """Ends the workers. Python's exit does it otherwise; may be called twice."""
        self._team.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.pid for worker in self._team.workers if worker.pid is not None]

    @property
    def goal_vectors(self) -> np.ndarray:
        """The goal vectors [S, N, 50, 6] float64; shorter ones end in zeros."""
        return self._shared["goal_vectors"].copy()

    def _checked(self, action: np.ndarray) -> np.ndarray:
        return check_actions(action, self.lane_tasks)

    def _start_step(self, action: np.ndarray, command: bytes) -> None:
        self._shared["action"][:] = action
        self._team.ask(command)

    def _await_answers(self) -> np.ndarray:
        """Waits for the workers; returns the lanes [L] bool that failed or were lost with their worker."""
        failed, lost = self._team.wait()
        for lane, cause in failed.items():
            self.faults.episode_failed(lane, int(self._episodes.goal_sets[lane]), self._episodes.step, cause)
        broken = np.zeros(self.num_lanes, bool)
        if failed or lost:
            broken[[*failed, *lost]] = True
        return broken

    def _reset_lanes(self, lanes: np.ndarray) -> np.ndarray:
        """Begins an episode in `lanes` [L] bool; returns these, and lanes that a fault forced to begin one, too."""
        done, due = lanes, lanes
        while due.any():
            due = self._try_reset(due)
            self._episodes.restart(due)
            done = done | due
        return done

    def _try_reset(self, lanes: np.ndarray) -> np.ndarray:
        """Resets `lanes` [L] bool on their goal sets; returns the lanes that failed or were lost."""
        self._shared["goal_set"][:], self._shared["reset_mask"][:] = self._episodes.goal_sets, lanes
        self._team.ask(channel.RESET)
        return self._await_answers()

    def _replay(self) -> bool:
        """Repeats the actions of the current episode, for each lane since its last reset; False if a fault occurred."""
        began, actions = self._episodes.began, self._episodes.actions
        for step in range(self._episodes.step + 1):
            due = began == step if step else np.ones_like(began, bool)
            if due.any() and self._try_reset(due).any():
                return False
            reset, stepped = self._shared["reset_observation"], self._shared["next_observation"]
            self._observation = np.where(due[:, None], reset, stepped)
            if step < self._episodes.step:
                self._start_step(np.where((began <= step)[:, None], actions[step], np.float32(0)), channel.STEP)
                if self._await_answers().any():
                    return False
        return True


def check_actions(action: np.ndarray, lane_tasks: Sequence[str]) -> np.ndarray:
    """The actions [L, 4] as float32; raises ValueError if one is NaN or infinite, or the shape is wrong."""
    action = np.asarray(action, np.float32)
    if action.shape != (len(lane_tasks), ACTION_DIM):
        raise ValueError(f"Actions must have shape {(len(lane_tasks), ACTION_DIM)}, got {action.shape}.")
    finite = np.isfinite(action)
    if not finite.all():
        lane = int(np.flatnonzero(~finite.all(axis=1))[0])
        raise ValueError(f"The action for lane {lane} ({lane_tasks[lane]}) is not finite: {action[lane]}.")
    return action


def _must(condition: bool, what: str) -> None:
    if not condition:
        raise RuntimeError(f"A pool is used out of turn: {what}.")
