import io

import numpy as np
import pytest

from cmta_jax.tracking.progress import Progress, Stopwatch, TimedPool, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_shares_of_the_time_sum_to_one_and_begin_anew():
    clock = Clock()
    stopwatch = Stopwatch(clock)
    with stopwatch.part("simulating"):
        clock.now = 3.0
    clock.now = 4.0
    assert stopwatch.shares() == {"simulating": 0.75, "learning": 0.25}
    clock.now = 5.0
    assert stopwatch.shares() == {"learning": 1.0}


def test_a_part_within_a_part_is_counted_once():
    clock = Clock()
    stopwatch = Stopwatch(clock)
    with stopwatch.part("evaluation"):
        clock.now = 1.0
        with stopwatch.part("simulating"):
            clock.now = 3.0
    clock.now = 4.0
    assert stopwatch.shares() == {"evaluation": 0.75, "learning": 0.25}


def test_a_reader_that_has_gone_does_not_stop_the_run():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    Progress(steps=100, lanes=1, stopwatch=Stopwatch(), stream=Gone()).say("nobody hears this")


def test_a_timed_pool_is_the_pool_but_for_its_waiting():
    class Pool:
        num_lanes = 3

        def receive(self):
            clock.now += 2.0
            return "step"

    clock = Clock()
    stopwatch = Stopwatch(clock)
    pool = TimedPool(Pool(), stopwatch)
    assert (pool.num_lanes, pool.receive()) == (3, "step")
    clock.now += 2.0
    assert stopwatch.shares() == {"waiting for simulators": 0.5, "learning": 0.5}


def test_a_pipe_gets_one_line_for_each_evaluation_and_none_for_steps():
    stream = io.StringIO()
    progress = Progress(steps=100, lanes=20, stopwatch=Stopwatch(), stream=stream)
    progress.say("compiling")
    progress.begin(0)
    for step in range(1, 51):
        progress.advance(step)
    progress.evaluation(50, np.array([[0.5, 1.0]]), np.array([[10.0, 20.0]]))
    progress.close()
    first, second = stream.getvalue().splitlines()
    assert first == "compiling"
    assert second.startswith("step 50/100 | return 15.0 | success 0.75 | ")
    for part in "iterations/s", "environment steps/s", "left", "learning":
        assert part in second


def test_environment_steps_are_iterations_times_lanes():
    stream = io.StringIO()
    progress = Progress(steps=100, lanes=20, stopwatch=Stopwatch(), stream=stream)
    progress._rate, progress._step = 2.0, 40
    assert progress._speed() == "2.0 iterations/s | 40 environment steps/s | 0:00:30 left"


def test_a_terminal_gets_a_bar_that_ends_where_the_run_does(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    progress = Progress(steps=100, lanes=1, stopwatch=Stopwatch(), stream=stream)
    progress.begin(20)
    progress.evaluation(100, np.ones((1, 1)), np.ones((1, 1)))
    progress.close()
    assert "20/100 steps" in stream.getvalue() and "100/100 steps" in stream.getvalue()
    assert "success 1.00" in stream.getvalue()


CLOCKS = [(0, "0:00:00"), (59.9, "0:00:59"), (3661, "1:01:01"), (90061, "1 d 1:01:01")]


@pytest.mark.parametrize(("seconds", "text"), CLOCKS)
def test_durations_are_written_like_a_clock(seconds, text):
    assert duration(seconds) == text
