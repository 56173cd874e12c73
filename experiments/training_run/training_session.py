"""One run: its parts, and what happens around the loop."""

import csv
import io
import logging
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from cmta_jax.checkpoint import Checkpoint, Checkpointer, versions
from cmta_jax.environments.goals import schedule
from cmta_jax.results.statistics import SMOOTHING
from cmta_jax.storage import atomic
from cmta_jax.storage.run_folder import RunFolder
from cmta_jax.tracking.progress import Stopwatch, TimedPool
from cmta_jax.training import evaluation, loop
from cmta_jax.training.divergence import NotFinite
from cmta_jax.training.evaluation import Evaluation
from cmta_jax.training.loop import Moment
from cmta_jax.training.program import TrainState
from experiments.command_line.settings import as_flags
from experiments.training_run import divergence_report
from experiments.training_run.policy_files import BEST, NEWEST, PolicyFiles
from experiments.training_run.setup import Plan

log = logging.getLogger(__name__)


class Session:
    """A run under way.

    Args:
        plan: of the run.
        folder: its run folder.
        pool: its simulators.
        stopwatch: is told of the parts of the time.
    """

    def __init__(self, plan: Plan, folder: RunFolder, pool: Any, stopwatch: Stopwatch):
        self.plan, self.folder, self.stopwatch = plan, folder, stopwatch
        self.pool = TimedPool(pool, stopwatch)
        self.horizon = plan.settings.environment.horizon
        self.smoothed = None  # mean success, smoothed over the evaluations so far
        self.best = None  # the highest that it has been
        self.postponed = False  # whether the evaluation of this step is still to come
        self.saved = True  # whether the disk took the newest checkpoint, as far as it has been waited for
        self.flags = as_flags(plan.settings.values())
        story = {"method": plan.settings.run.method, "flags": self.flags, "tasks": [*plan.tasks], "seeds": plan.seeds}
        self.policies = PolicyFiles(folder.path, story)
        self.checkpointer = Checkpointer(folder.file("checkpoints"), keep=plan.settings.training.keep_checkpoints)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.policies.close()
        self.saved = self.checkpointer.close() and self.saved

    def begin(self) -> tuple[int, TrainState]:
        """The step and state to go on from: of the newest checkpoint, or the start of the run."""
        if self.plan.settings.run.resume:
            shapes = self.plan.state_shapes
            found = self.checkpointer.restore((shapes.learner, shapes.rollout), shapes.replay)
            if found:
                _compare_versions(found.metadata["versions"])
                self.pool.restore(found.pool)
                self.smoothed, self.best = found.metadata["smoothed"], found.metadata.get("best_smoothed")
                self.postponed = found.metadata.get("postponed", False)
                learner, rollout = found.state
                return found.step, jax.tree.map(jax.numpy.asarray, TrainState(learner, found.replay, rollout))
        observation = self.pool.reset(episode=0).reshape(*self.plan.lanes, -1)
        return 0, self.plan.program.start(self.plan.seed_keys, observation)

    def moments(self, step: int, state: TrainState):
        """The loop, from `step` on; raises NumericalTrouble where it cannot go on."""
        training_config = self.plan.settings.training
        try:
            yield from loop.interact(self.plan.program, self.pool, training_config, self.horizon, state, step)
        except NotFinite as error:
            limit = training_config.max_critic_loss
            divergence_report.explain(error, self.folder, self.plan.seeds, self.plan.tasks, limit)

    def check(self, moment: Moment) -> None:
        """Raises NumericalTrouble if an update so far went wrong; waits for the learner."""
        limit = self.plan.settings.training.max_critic_loss
        divergence_report.check(moment.divergence, self.folder, self.plan.seeds, self.plan.tasks, limit)

    def evaluate(self, moment: Moment, stopped: Callable[[], bool] = lambda: False) -> Evaluation | None:
        """Plays `--eval_episodes` per task; afterwards the pool is where training goes on.

        Args:
            stopped: asked before every episode; if it says yes, the evaluation is postponed to when the run goes on,
                and None is returned: those who end processes do not wait for long.
        """
        self.check(moment)
        settings, copies = self.plan.settings, self.plan.copies
        rounds = -(-settings.training.eval_episodes // copies)
        if settings.environment.goals == "fixed":
            goal_sets = np.broadcast_to(self.fixed_goal_sets(), (rounds, *self.plan.lanes))
        else:
            goal_sets = evaluation.random_goal_sets(
                self.plan.seeds, len(self.plan.tasks), copies, rounds, moment.step, self.pool.num_goal_sets
            )
        with self.stopwatch.part("evaluation"):
            result = self.play(moment.state, goal_sets, stopped)
            self.pool.reset(episode=moment.step // self.horizon)
        self.postponed = result is None
        if result is not None:
            self._judge(moment, float(result.success.mean()))
        return result

    def _judge(self, moment: Moment, success: float) -> None:
        """Takes note of an evaluation, and keeps the policy if it is the best so far."""
        before = success if self.smoothed is None else self.smoothed
        self.smoothed = SMOOTHING * before + (1 - SMOOTHING) * success
        if self.best is None or self.smoothed >= self.best:
            self.best = self.smoothed
            self.policies.write(BEST, moment.state.learner.params, moment.step, self.smoothed)

    def play(
        self, state: TrainState, goal_sets: np.ndarray, stopped: Callable[[], bool] = lambda: False
    ) -> Evaluation | None:
        """One episode per round and lane on `goal_sets` `[R, S, N, C]`; None if told to stop before the last."""
        rounds = []
        for lanes in goal_sets:
            if stopped():
                return None
            rounds.append(
                evaluation.evaluate(
                    self.plan.program, state.learner.params, state.rollout.carry, self.pool, lanes[None], self.horizon
                )
            )
        return Evaluation(*map(np.concatenate, zip(*rounds, strict=True)))

    def fixed_goal_sets(self) -> np.ndarray:
        """The goal set of every lane with `--goals=fixed`, `[S, N, C]`."""
        restarts = np.zeros(np.prod(self.plan.lanes), int)
        drawn = schedule.goal_set_indices("fixed", self.plan.seeds, self.plan.tasks, self.plan.copies, 0, restarts)
        return drawn.reshape(self.plan.lanes)

    def save(self, moment: Moment, wait: bool = False) -> None:
        """Saves everything that the run is, if its numbers are sound; `saved` is false if the disk refused."""
        self.check(moment)
        learner, replay, rollout = moment.state
        metadata = {"flags": self.flags, "tasks": [*self.plan.tasks]}
        metadata |= {"smoothed": self.smoothed, "best_smoothed": self.best, "postponed": self.postponed}
        with self.stopwatch.part("checkpoints"):
            self.policies.write(NEWEST, learner.params, moment.step, self.smoothed)
            checkpoint = Checkpoint(moment.step, (learner, rollout), replay, self.pool.snapshot(), metadata)
            self.saved = self.checkpointer.save(checkpoint, best=self.smoothed, wait=wait)

    def finish(self, state: TrainState) -> Evaluation:
        """The last policy on all goal sets that the run is about, written to final.csv.

        The pool is of no further use for training.
        """
        goal_sets = evaluation.every_goal_set(
            len(self.plan.seeds), len(self.plan.tasks), self.plan.copies, self.pool.num_goal_sets
        )
        if self.plan.settings.environment.goals == "fixed":
            goal_sets = self.fixed_goal_sets()[None]
        result = self.play(state, goal_sets)
        self.write_final(goal_sets, result)
        return result

    def write_final(self, goal_sets: np.ndarray, result: Evaluation) -> None:
        """Writes final.csv, one row for each seed, task and goal set."""
        rows = {}
        for index in np.ndindex(goal_sets.shape):
            key = self.plan.seeds[index[1]], self.plan.tasks[index[2]], int(goal_sets[index])
            rows[key] = int(result.success[index]), f"{result.episode_return[index]:.6g}"
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("seed", "task", "goal_set", "success", "episode_return"))
        writer.writerows((*key, *row) for key, row in rows.items())
        atomic.replace(self.folder.file("final.csv"), text.getvalue().encode())


def _compare_versions(before: dict[str, str]) -> None:
    """Says so if other packages go on with a run than those that began it."""
    changed = [f"{name} {before.get(name)} -> {now}" for name, now in versions().items() if before.get(name) != now]
    if changed:
        log.warning("the run goes on with other versions, hence not bit for bit as before: %s", ", ".join(changed))
