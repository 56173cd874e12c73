"""A long run takes no more memory, files, processes or time at its end than at its beginning."""

import gc
import itertools
import pathlib
import statistics
import time

import numpy as np
import psutil
import pytest
from toy_training import Run

from cmta_jax.checkpoint import Checkpoint, Checkpointer
from cmta_jax.methods import mtmhsac
from cmta_jax.tracking.csv_files import CsvWriter

ITERATIONS, PERIODS = 200_000, 20
POOL = 4  # threads that orbax's pools may still start; one that leaked with each of the 100 saves would show


def occupied():
    """Bytes of private memory, open files, shared memory segments, processes and threads."""
    gc.collect()
    process = psutil.Process()
    segments = len([*pathlib.Path("/dev/shm").glob("*")])
    return process.memory_info().rss, process.num_fds(), segments, len(process.children()), process.num_threads()


@pytest.mark.slow
def test_two_hundred_thousand_iterations_leave_everything_as_it_was(tmp_path):
    """With a row of train.csv every 100 iterations, a checkpoint and an evaluation's row every 2,000."""
    smallest = mtmhsac.Config(hidden_dim=4, hidden_layers=1, encoding_dim=4, batch_per_task=1)
    run = Run(smallest, steps_per_task=ITERATIONS + 1, replay_capacity=2000, warmup_steps=100)
    writer, found, seconds, began = CsvWriter(tmp_path, (0,), ("left", "right")), [], [], time.perf_counter()
    length = ITERATIONS // PERIODS
    with Checkpointer(tmp_path / "checkpoints") as checkpointer:
        for moment in itertools.islice(run, ITERATIONS):
            if moment.metrics and moment.step % 100 == 0:
                writer.metrics(moment.step, {name: np.asarray(value) for name, value in moment.metrics.items()})
            if moment.step % 2000 == 0:
                writer.evaluation(moment.step, np.zeros((1, 2)), np.zeros((1, 2)))
                state = moment.state.learner, moment.state.rollout
                saved = Checkpoint(moment.step, state, moment.state.replay, run.pool.snapshot(), {})
                assert checkpointer.save(saved, best=0.0, wait=True)
            if moment.step % length == 0:
                seconds.append(time.perf_counter() - began)
                found.append(occupied())
                began = time.perf_counter()
    writer.close()
    memory, files, segments, children, threads = np.transpose(found[1:])  # the first period compiles and warms up
    print("MiB", (memory >> 20).tolist(), "files", files.tolist(), "segments", segments.tolist())
    print("threads", threads.tolist(), "seconds", np.round(seconds, 1).tolist())
    growth = np.polyfit(np.arange(len(memory)), memory, 1)[0] * len(memory)  # bytes over the whole run
    assert growth < 16 << 20, f"memory grew by {growth / 2**20:.1f} MiB"
    assert memory[-1] - memory[2] < 32 << 20
    for counted in (files, segments, children):
        assert counted[-1] <= counted[1], counted
    assert threads[-1] <= threads[1] + POOL, threads
    early, late = statistics.median(seconds[1:7]), statistics.median(seconds[-6:])
    assert late < 1.5 * early, f"{early:.2f} s for {length} iterations early on, {late:.2f} s at the end"


def test_what_is_occupied_is_counted(tmp_path):
    before = occupied()
    with open(tmp_path / "file", "w"), psutil.Popen(["sleep", "10"]) as child:
        after = occupied()
        child.kill()
    assert after[1] > before[1] and after[3] == before[3] + 1
