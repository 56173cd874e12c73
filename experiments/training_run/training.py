"""The loop of a run with everything around it: metrics, evaluations, checkpoints, signals."""

import time

import jax
import numpy as np
import psutil

from cmta_jax.tracking.listeners import Listener
from cmta_jax.tracking.progress import Progress
from cmta_jax.training.loop import Moment
from cmta_jax.training.one_seed import TrainState
from experiments.training_run.profiling import traced
from experiments.training_run.signals import Stop
from experiments.training_run.training_session import Session


def learn(
    session: Session, step: int, state: TrainState, listeners: Listener, progress: Progress, stop: Stop
) -> TrainState:
    """Runs the loop to its end, or until a signal stops it, and saves there; returns the state."""
    config = session.plan.settings.training
    progress.say(f"step {step}: {'warming up' if step < config.warmup_steps else 'compiling the update'}")
    progress.begin(step)
    stop.patient, updated = True, False
    if session.postponed:
        _evaluate(session, Moment(step, state, {}), listeners, stop)
        listeners.sync()
        session.save(Moment(step, state, {}), wait=True)
    moments = session.moments(step, state)
    if session.plan.settings.run.profile:
        moments = traced(moments, session.folder.file("profile"))
    for moment in moments:
        step, state = moment.step, moment.state
        progress.advance(step)
        if step == config.warmup_steps:
            progress.say(f"step {step}: compiling the update")
        if moment.metrics and not updated:
            updated = _first_update(moment, progress)
        if moment.metrics and step % config.log_every == 0:
            session.check(moment)
            listeners.metrics(step, dict(jax.tree.map(np.asarray, moment.metrics)))
        if step % config.eval_every == 0:
            _evaluate(session, moment, listeners, stop)
        stopping = bool(stop.status)
        last = stopping or step == config.steps_per_task
        if last or step % config.checkpoint_every == 0:
            listeners.sync()
            session.save(moment, wait=last)
        if stopping:
            break
    return state


def _first_update(moment: Moment, progress: Progress) -> bool:
    """Waits for the first update, says how long it took since the start, and measures speeds from there."""
    jax.block_until_ready(moment.metrics)
    try:
        after = f", {time.time() - psutil.Process().create_time():.0f} s after the start"
    except (OSError, psutil.Error):  # no /proc, as in some jails
        after = ""
    progress.say(f"step {moment.step}: first update{after}")
    progress.mark(moment.step)
    return True


def _evaluate(session: Session, moment: Moment, listeners: Listener, stop: Stop) -> None:
    result = session.evaluate(moment, lambda: bool(stop.status))
    if result is not None:
        listeners.evaluation(moment.step, result.mean_success(), result.mean_return())
