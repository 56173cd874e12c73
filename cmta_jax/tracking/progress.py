"""What is printed during a run: a bar on a terminal, one line per evaluation on a pipe; and where the time goes."""

import contextlib
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import tqdm

from cmta_jax.tracking.listeners import Listener

log = logging.getLogger(__name__)
SIMULATORS = "waiting for simulators"
REFRESH = 0.2  # seconds between looks at the bar
WINDOW = 10.0  # seconds that rates are averaged over


class Stopwatch:
    """How the wall time of a run is spent; time in no part counts as learning.

    Args:
        clock: in seconds.
        annotate: makes a context manager from a part's name, entered whenever the part is.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter, annotate: Callable = contextlib.nullcontext):
        self._clock, self._began, self._spent, self._inside = clock, clock(), {}, False
        self._annotate = annotate

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds the time of a `with` block to `name`; a block within another counts for the outer one only."""
        began, inside, self._inside = self._clock(), self._inside, True
        try:
            with self._annotate(name):
                yield
        finally:
            self._inside = inside
            if not inside:
                self._spent[name] = self._spent.get(name, 0.0) + self._clock() - began

    def shares(self) -> dict[str, float]:
        """Part -> share of the time since the last call, largest first; they sum to 1."""
        total = max(self._clock() - self._began, 1e-9)
        shares = {name: spent / total for name, spent in self._spent.items()}
        shares["learning"] = max(0.0, 1.0 - sum(shares.values()))
        self._began, self._spent = self._clock(), {}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


class TimedPool:
    """A pool whose waiting is measured; everything else is the pool's own."""

    def __init__(self, pool: Any, stopwatch: Stopwatch):
        self._pool, self._stopwatch = pool, stopwatch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def receive(self) -> Any:
        """As the pool's."""
        with self._stopwatch.part(SIMULATORS):
            return self._pool.receive()


class Progress(Listener):
    """Shows steps, iterations/s, environment steps/s, mean success, time left and where the time goes.

    Args:
        steps: environment steps per task in the whole run.
        lanes: environment steps per iteration, over all tasks, copies and seeds.
        stopwatch: tells where the time goes.
        stream: where to print (standard output); with a bar if it is a terminal.
    """

    def __init__(self, steps: int, lanes: int, stopwatch: Stopwatch, stream: TextIO | None = None):
        self._steps, self._lanes, self._stopwatch = steps, lanes, stopwatch
        self._stream = stream or sys.stdout
        self._step, self._rate, self._success, self._shares = 0, 0.0, "", ""
        self._looked = self._marked = time.perf_counter()
        self._marked_step, self._bar = 0, None

    def say(self, message: str) -> None:
        """Prints one line, above the bar if there is one, and logs it."""
        log.info(message)
        with contextlib.suppress(OSError):  # the pipe has no reader any more: the run goes on
            tqdm.tqdm.write(message, file=self._stream)
            self._stream.flush()

    def begin(self, step: int) -> None:
        """Begins the loop at `step`."""
        self.mark(step)
        width = terminal_width()
        if self._stream.isatty() and width:
            layout = "{percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt} steps{postfix}"
            self._bar = tqdm.tqdm(total=self._steps, initial=step, file=self._stream, ncols=width, bar_format=layout)

    def mark(self, step: int) -> None:
        """Measures from here: the time before, such as compiling, does not count."""
        self._step = self._marked_step = step
        self._looked = self._marked = time.perf_counter()
        self._rate = 0.0
        self._stopwatch.shares()

    def advance(self, step: int) -> None:
        """Called after each step with its number; cheap."""
        self._step, now = step, time.perf_counter()
        if self._bar is None or now - self._looked < REFRESH:
            return
        self._looked = now
        if now - self._marked > WINDOW or not self._rate:
            self._measure(now)
        self._show(self._bar)

    def evaluation(self, step, success, episode_return):
        self._step = step
        self._measure(time.perf_counter())
        self._success = f"success {success.mean():.2f}"
        shares = self._stopwatch.shares().items()
        self._shares = ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= 0.01)
        line = f"step {step}/{self._steps} | return {episode_return.mean():.1f} | {self._speed()}"
        if self._bar is None:
            self.say(line)
        else:
            log.info(line)
            self._show(self._bar)

    def close(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _show(self, bar: tqdm.tqdm) -> None:
        bar.n, bar.ncols = self._step, terminal_width()
        short = self._speed().replace("iterations/s", "it/s").replace("environment", "env")
        bar.set_postfix_str(short)

    def _measure(self, now: float) -> None:
        """Iterations per second since the last look."""
        if self._step > self._marked_step:
            self._rate = (self._step - self._marked_step) / max(now - self._marked, 1e-9)
        self._marked, self._marked_step = now, self._step

    def _speed(self) -> str:
        left = duration((self._steps - self._step) / self._rate) if self._rate else "?"
        speed = f"{self._rate:.1f} iterations/s | {self._rate * self._lanes:.0f} environment steps/s | {left} left"
        return " | ".join(text for text in (self._success, speed, self._shares) if text)


def terminal_width() -> int:
    """Columns of the terminal; 0 if unknown."""
    return shutil.get_terminal_size((0, 0)).columns


def duration(seconds: float) -> str:
    """`h:mm:ss`, with the days in front where there are any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour}:{minute:02}:{second:02}"
