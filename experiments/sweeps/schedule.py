"""Which run is started when: the same for every launcher."""

import collections
import signal
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from experiments.sweeps.cells import SweepRun, finished, in_use, last_sentence
from experiments.training_run.signals import Stop

PAUSE = 0.2  # seconds between looks at the jobs


class Launcher(Protocol):
    """Starts runs somewhere; `LocalLauncher` is one."""

    @property
    def places(self) -> int:
        """How many more runs may be started now."""
        ...

    def start(self, run: SweepRun) -> None:
        """Starts a run, or goes on with it; what it prints is appended to `run.output`."""
        ...

    def ended(self) -> list[tuple[SweepRun, int]]:
        """The runs that ended since the last call, with their exit statuses; negative: the signal that killed it."""
        ...

    def stop(self) -> None:
        """Asks all runs to save and end, and waits for them."""
        ...


def run_all(
    runs: Sequence[SweepRun], launcher: Launcher, tries: int, *, stop: Stop, say: Callable[[str], None] = print
) -> int:
    """Runs what is not finished, until everything has ended or `stop` has a signal.

    Args:
        runs: of the sweep.
        launcher: starts them.
        tries: how often a run may be started by this call.
        stop: receives the signals; patient.
        say: prints one line for each event.

    Returns:
        The exit status: 0; 1 if a run failed; 128 + the number of a signal that stopped the sweep.
    """
    schedule = _Schedule(runs, launcher, tries, say)
    try:
        while not stop.status and schedule.advance():
            time.sleep(PAUSE)
        if stop.status:
            say("stopping: the runs save themselves")
    finally:
        launcher.stop()
    if stop.status:
        say("stopped; the same command goes on")
        return stop.status
    say(f"{len(runs) - len(schedule.failed)} of {len(runs)} runs are finished")
    for run, reason in schedule.failed.items():
        say(f"failed: {run.name}: {reason}")
    return 1 if schedule.failed else 0


class _Schedule:
    def __init__(self, runs: Sequence[SweepRun], launcher: Launcher, tries: int, say: Callable[[str], None]):
        self.failed: dict[SweepRun, str] = {}
        self._waiting, self._running = collections.deque(runs), set()
        self._launcher, self._tries, self._say = launcher, tries, say
        self._started, self._busy = collections.Counter(), set()

    def advance(self) -> bool:
        """Looks at the jobs once; whether anything is left to do."""
        for run, status in self._launcher.ended():
            self._running.remove(run)
            self._judge(run, status)
        for _ in range(len(self._waiting)):
            if not self._launcher.places:
                break
            self._begin(self._waiting.popleft())
        return bool(self._waiting or self._running)

    def _begin(self, run: SweepRun) -> None:
        """Starts a run, skips it because it is finished, or puts it off because another process runs it."""
        if in_use(run.folder):  # by hand, or by a sweep that was killed and whose job is still saving
            if run not in self._busy:
                self._say(f"waiting: {run.name}: another process is running in {run.folder}")
            self._busy.add(run)
            self._waiting.append(run)
        elif finished(run.folder):
            self._say(f"finished before: {run.name}")
        else:
            self._started[run] += 1
            how = "going on with" if "--resume" in run.arguments() else "starting"
            self._launcher.start(run)
            self._running.add(run)
            self._say(f"{how}: {run.name}")

    def _judge(self, run: SweepRun, status: int) -> None:
        if status == 0:
            self._say(f"finished: {run.name}")
            return
        reason = last_sentence(run.output)
        if status < 0:
            reason = f"it was killed by {signal.Signals(-status).name}; its last line: {reason}"
        if self._started[run] < self._tries:
            self._say(f"trying again: {run.name}: {reason}")
            self._waiting.append(run)
        else:
            self._say(f"failed: {run.name}: {reason}")
            self.failed[run] = reason
