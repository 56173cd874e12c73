"""Which run is started when: the same for every launcher."""

import collections
import time
from collections.abc import Callable, Mapping, Sequence

from experiments.sweeps.folders import SweepRun, finished, in_use
from experiments.sweeps.job import PAUSE
from experiments.sweeps.launcher import Launcher
from experiments.training_run.signals import Stop

States = Mapping[SweepRun, str]  # of the runs whose state the folders do not tell: queued, failed


def run_all(
    runs: Sequence[SweepRun],
    launcher: Launcher,
    tries: int,
    *,
    stop: Stop,
    say: Callable[[str], None] = print,
    show: Callable[[States], None] = lambda states: None,
) -> int:
    """Runs what is not finished, until everything has ended or `stop` has a signal.

    Args:
        runs: of the sweep.
        launcher: starts them.
        tries: how often a run may be started by this call.
        stop: receives the signals; patient.
        say: prints one line for each event.
        show: called at each look at the jobs.

    Returns:
        The exit status: 0; 1 if a run failed; 128 + the number of a signal that stopped the sweep.
    """
    schedule = _Schedule(runs, launcher, tries, say)
    try:
        while not stop.status and schedule.advance():
            show(schedule.states())
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
        self._waiting, self._launcher, self._tries, self._say = collections.deque(runs), launcher, tries, say
        self._started, self._busy = collections.Counter(), set()

    def advance(self) -> bool:
        """Looks at the jobs once; whether anything is left to do."""
        for run, reason in self._launcher.ended().items():
            self._judge(run, reason)
        chosen, places = [], self._launcher.places
        for _ in range(len(self._waiting)):
            if len(chosen) == places:
                break
            run = self._waiting.popleft()
            if self._may_start(run):
                chosen.append(run)
        if chosen:
            self._start(chosen)
        return bool(self._waiting or self._launcher.running)

    def states(self) -> dict[SweepRun, str]:
        """What the folders do not tell."""
        return dict.fromkeys(self._launcher.running, "queued") | dict.fromkeys(self.failed, "failed")

    def _may_start(self, run: SweepRun) -> bool:
        """Skips a run that is finished, and puts it off while another process runs it."""
        if finished(run.folder):
            self._say(f"finished before: {run.name}")
            return False
        if in_use(run.folder) and not self._launcher.waits:  # by hand, or by a sweep that was killed, still saving
            if run not in self._busy:
                self._say(f"waiting: {run.name}: another process is running in {run.folder}")
            self._busy.add(run)
            self._waiting.append(run)
            return False
        return True

    def _start(self, chosen: Sequence[SweepRun]) -> None:
        how = ["going on with" if "--resume" in run.arguments() else "starting" for run in chosen]
        self._launcher.start(chosen)
        for run, word in zip(chosen, how, strict=True):
            self._started[run] += 1
            self._say(f"{word}: {run.name}")

    def _judge(self, run: SweepRun, reason: str) -> None:
        if not reason:
            self._say(f"finished: {run.name}")
        elif self._started[run] < self._tries:
            self._say(f"trying again: {run.name}: {reason}")
            self._waiting.append(run)
        else:
            self._say(f"failed: {run.name}: {reason}")
            self.failed[run] = reason
