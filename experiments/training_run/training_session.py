"""A run that is under way: what it saves, how it is evaluated, and how it continues."""

import csv
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, cast

import jax
import numpy as np

from cmta_jax.checkpoint import Checkpoint, Checkpointer
from cmta_jax.environments.interface import EnvironmentPool
from cmta_jax.results.statistics import SMOOTHING
from cmta_jax.runs.loading import check_same_run
from cmta_jax.runs.saved_state import restored_state, saved_state
from cmta_jax.runs.settings import as_flags
from cmta_jax.storage import atomic
from cmta_jax.storage.run_folder import RunFolder
from cmta_jax.tracking.progress import Stopwatch, TimedPool
from cmta_jax.training import evaluation, loop
from cmta_jax.training.divergence import NotFinite, Told
from cmta_jax.training.evaluation import Evaluation
from cmta_jax.training.loop import Moment
from cmta_jax.training.one_seed import TrainState
from experiments.policies import goal_sets
from experiments.policies.goal_sets import Playing
from experiments.training_run import conditions, divergence_report
from experiments.training_run.policy_files import BEST, NEWEST, PolicyFiles
from experiments.training_run.setup import Plan

log = logging.getLogger(__name__)
ADDED = ("1/rewards/",)  # parts of (learner, rollout) that checkpoints of version 0.1.0 lack; they begin at zero


class Session:
    """A run under way.

    Args:
        plan: of the run.
        folder: its run folder.
        pool: its simulators.
        stopwatch: measures how the time divides.
    """

    def __init__(self, plan: Plan, folder: RunFolder, pool: EnvironmentPool, stopwatch: Stopwatch):
        self.plan, self.folder, self.stopwatch = plan, folder, stopwatch
        self.pool = cast(EnvironmentPool, TimedPool(pool, stopwatch))
        self.horizon = plan.settings.environment.horizon
        self.smoothed: float | None = None  # mean success, smoothed over the evaluations so far
        self.best: float | None = None  # the highest `smoothed` so far
        self.postponed = False  # whether the evaluation of this step is still to come
        self.saved = True  # False if the newest checkpoint is known not to have been saved
        self.flags, self.conditions = as_flags(plan.settings.values()), conditions.found(len(plan.seeds))
        metadata = {
            "method": plan.settings.run.method,
            "flags": self.flags,
            "tasks": [*plan.tasks],
            "seeds": plan.seeds,
        }
        self.policies = PolicyFiles(folder.path, metadata)
        self.checkpointer = Checkpointer(folder.file("checkpoints"), keep=plan.settings.training.keep_checkpoints)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.policies.close()
        self.saved = self.checkpointer.close() and self.saved

    def begin(self) -> tuple[int, TrainState]:
        """The step and state to continue from: those of the newest checkpoint, or of the start of the run."""
        conditions.announce(self.conditions)
        if self.plan.settings.run.resume:
            shapes, saved = self.plan.state_shapes, self.checkpointer.metadata()
            if saved:  # before a difference in shapes, which says less
                check_same_run(self.flags, saved["flags"], self.folder.path)
            found = self.checkpointer.restore(saved_state(shapes), shapes.replay, added=ADDED)
            if found:
                conditions.compare(found.metadata, self.conditions)
                self.pool.restore(found.pool)
                self.smoothed, self.best = found.metadata["smoothed"], found.metadata.get("best_smoothed")
                self.postponed = found.metadata.get("postponed", False)
                return found.step, jax.tree.map(jax.numpy.asarray, restored_state(found.state, found.replay))
            log.warning("%s holds no checkpoint: the run begins anew, and its tables too.", self.folder.path)
        observation: Any = self.pool.reset(episode=0).reshape(*self.plan.lanes, -1)
        return 0, self.plan.program.start(self.plan.seed_keys, observation)

    def moments(self, step: int, state: TrainState) -> Iterator[Moment]:
        """The loop, from `step` on; raises NumericalTrouble where a number is NaN or infinite."""
        training_config = self.plan.settings.training
        try:
            yield from loop.interact(self.plan.program, self.pool, training_config, self.horizon, state, step)
        except NotFinite as error:
            divergence_report.explain(error, *self._reported(error.divergence, error.state))

    def check(self, moment: Moment) -> None:
        """Raises NumericalTrouble if an update so far went wrong; waits for the learner."""
        divergence = moment.divergence
        divergence_report.check(divergence, *self._reported(divergence, moment.state[:2]))

    def _reported(
        self, divergence: Any, state: tuple[Any, Any]
    ) -> tuple[RunFolder, Sequence[int], Sequence[str], float, Callable[[], Told]]:
        """What a report needs besides the divergence; `state` is the learner and the replay."""
        plan = self.plan
        limit = plan.settings.training.max_critic_loss
        return self.folder, plan.seeds, plan.tasks, limit, lambda: plan.program.tell(divergence, *state)

    def evaluate(self, moment: Moment, stopped: Callable[[], bool] = lambda: False) -> Evaluation | None:
        """Plays `--eval_episodes` per task; afterwards the pool is at the next training episode.

        Args:
            stopped: asked before every episode. Once it says yes, the evaluation is postponed until the run continues,
                and None is returned, because a cluster kills a process soon after its first signal.
        """
        self.check(moment)
        rounds = -(-self.plan.settings.training.eval_episodes // self.plan.copies)  # rounded up
        if self.plan.settings.environment.goals == "fixed":
            chosen = np.broadcast_to(self._all_goal_sets(), (rounds, *self.plan.lanes))
        else:
            chosen = evaluation.random_goal_sets(
                self.plan.seeds, len(self.plan.tasks), self.plan.copies, rounds, moment.step, self.pool.num_goal_sets
            )
        with self.stopwatch.part("evaluation"):
            result = self.play(moment.state, chosen, stopped)
            self.pool.reset(episode=moment.step // self.horizon)
        self.postponed = result is None
        if result is not None:
            self._judge(moment, float(result.success.mean()))
        return result

    def _judge(self, moment: Moment, success: float) -> None:
        """Smooths the success of the evaluations, and writes the policy if it is the best so far."""
        before = success if self.smoothed is None else self.smoothed
        self.smoothed = SMOOTHING * before + (1 - SMOOTHING) * success
        if self.best is None or self.smoothed >= self.best:
            self.best = self.smoothed
            self.policies.write(BEST, moment.state.learner.params, moment.step, self.smoothed)

    def play(
        self, state: TrainState, chosen: np.ndarray, stopped: Callable[[], bool] = lambda: False
    ) -> Evaluation | None:
        """One episode per round and lane on the goal sets `[R, S, N, C]`; None if `stopped` said yes before the end."""
        playing = Playing(self.plan.program.act, state.learner.params, lambda number: state.rollout.carry)
        return goal_sets.play(playing, self.pool, chosen, self.horizon, stopped)

    def _all_goal_sets(self) -> np.ndarray:
        environment = self.plan.settings.environment
        return goal_sets.of_run(environment, self.plan.seeds, self.plan.copies, self.pool.num_goal_sets)

    def save(self, moment: Moment, wait: bool = False) -> None:
        """Saves everything that the run consists of, if its numbers are finite; `saved` is False if that failed."""
        self.check(moment)
        params = moment.state.learner.params
        metadata = {"flags": self.flags, "tasks": [*self.plan.tasks], "conditions": self.conditions}
        metadata |= {"smoothed": self.smoothed, "best_smoothed": self.best, "postponed": self.postponed}
        with self.stopwatch.part("checkpoints"):
            self.policies.write(NEWEST, params, moment.step, self.smoothed)
            state, replay = saved_state(moment.state), moment.state.replay
            checkpoint = Checkpoint(moment.step, state, replay, self.pool.snapshot(), metadata)
            self.saved = self.checkpointer.save(checkpoint, best=self.smoothed, wait=wait)

    def finish(self, state: TrainState) -> None:
        """Plays the last policy on all goal sets that the run is about, and writes final.csv.

        The pool is of no further use for training.
        """
        chosen = self._all_goal_sets()
        result = self.play(state, chosen)
        assert result is not None  # nothing stops it
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("seed", "task", "goal_set", "success", "episode_return"))
        for (s, n, goal_set), (success, episode_return) in goal_sets.by_goal_set(chosen, result).items():
            place = self.plan.seeds[s], self.plan.tasks[n], goal_set
            writer.writerow((*place, int(success), f"{episode_return:.6g}"))
        atomic.replace(self.folder.file("final.csv"), text.getvalue().encode())
