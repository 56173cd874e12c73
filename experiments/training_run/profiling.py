"""A trace of some iterations, which TensorBoard (plugin xprof) and ui.perfetto.dev open."""

import pathlib
from collections.abc import Iterable, Iterator

import jax

from cmta_jax.training.loop import Moment

SKIPPED, TRACED = 100, 50  # updates before the trace, so that everything is compiled and warm; updates in it


def traced(moments: Iterable[Moment], folder: pathlib.Path) -> Iterator[Moment]:
    """Yields the moments unchanged, and writes a trace of a few of them under `folder`.

    The parts of the time that `progress.Stopwatch` measures are spans of the host's thread in the trace.
    """
    updates, tracing = 0, False
    try:
        for moment in moments:
            yield moment
            updates += bool(moment.metrics)
            if updates == SKIPPED and not tracing:
                _start(folder)
                tracing = True
            if updates == SKIPPED + TRACED and tracing:
                jax.block_until_ready(moment.state.rollout)
                jax.profiler.stop_trace()
                tracing = False
    finally:
        if tracing:
            jax.profiler.stop_trace()


def _start(folder: pathlib.Path) -> None:
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0  # a span per Python call would slow down what is measured
    jax.profiler.start_trace(folder, create_perfetto_trace=True, profiler_options=options)
