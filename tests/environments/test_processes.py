"""What worker processes must not do: load JAX, outlive their pool, leave memory behind, take all threads."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from cmta_jax.environments import EnvironmentConfig, Pool
from cmta_jax.environments.pool import balancing, channel, shared_memory

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import signal, sys, time
from cmta_jax.environments import EnvironmentConfig, Pool
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with SIGINT ignored
pool = Pool(EnvironmentConfig(("reach-v3", "push-v3")), seeds=[0], workers=2)
pool.reset()
print(*pool.worker_pids, flush=True)
{then}
"""


def start_holder(then):
    """A process that holds a pool; returns it and the process ids of its workers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER.format(then=then)]
    holder = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return holder, [int(pid) for pid in holder.stdout.readline().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def shared_memory_of(pid):
    """Names of what a process maps and writes for others to see; of memory without a name, "/memfd:... (deleted)"."""
    maps = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {fields[5] for fields in maps if fields[1] == "rw-s"}


def assert_all_end(pids, within=10.0):
    assert len(pids) == 2
    deadline = time.monotonic() + within
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in pids)


def first_observation():
    with Pool(EnvironmentConfig(("reach-v3",)), seeds=[0], workers=1) as pool:
        return pool.reset()


def test_a_spawned_process_can_hold_a_pool():
    """Workers are commands of their own, so that the start method of `multiprocessing` means nothing to them."""
    with multiprocessing.get_context("spawn").Pool(1) as spawned:
        there = spawned.apply(first_observation)
    assert np.array_equal(there, first_observation())


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_holds_them_and_leave_no_memory(end):
    holder, workers = start_holder("time.sleep(600)")
    assert all(is_running(pid) for pid in workers)
    shared = [path for pid in workers for path in shared_memory_of(pid)]
    assert shared and not any(Path(path).exists() for path in shared)  # memory without a name ends with its users
    holder.send_signal(end)
    holder.communicate()
    assert_all_end(workers)


@linux
def test_workers_end_when_the_program_ends_without_closing_the_pool():
    holder, workers = start_holder("")
    _, errors = holder.communicate()
    assert (holder.returncode, errors) == (0, "")
    assert_all_end(workers, within=0.1)


@linux
def test_workers_load_no_jax_keep_to_one_thread_yield_and_end_on_close():
    with Pool(EnvironmentConfig(("reach-v3",)), seeds=[0, 1], workers=2) as pool:
        pool.reset()
        pids = pool.worker_pids
        for pid in pids:
            loaded = Path(f"/proc/{pid}/maps").read_text()
            assert "mujoco" in loaded and "jaxlib" not in loaded
            assert "OPENBLAS_NUM_THREADS=1" in Path(f"/proc/{pid}/environ").read_text().split("\0")
            assert len(os.listdir(f"/proc/{pid}/task")) == 1
            assert os.sched_getscheduler(pid) == os.SCHED_BATCH
            os.kill(pid, signal.SIGINT)  # Ctrl-C reaches the whole group; the pool decides
        pool.send(np.zeros((2, 4)))
        assert pool.receive().valid.all()
    pool.close()  # a second time does nothing
    assert_all_end(pids, within=0.1)


def test_the_package_of_environments_imports_neither_jax_nor_mujoco():
    code = "import sys, cmta_jax.environments; print({'jax', 'mujoco', 'metaworld'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_lanes_are_spread_evenly_and_each_is_stepped_once():
    tasks = ["reach-v3"] * 7 + ["hammer-v3"] * 3
    assigned = balancing.assign(tasks, 3)
    assert sorted(lane for lanes in assigned for lane in lanes) == list(range(10))
    assert all(any(lane >= 7 for lane in lanes) for lanes in assigned)  # a dear one each


def test_there_are_never_more_workers_than_lanes():
    assert balancing.count_workers(8, 3) == 3
    assert balancing.count_workers(2, 3) == 2
    assert 1 <= balancing.count_workers(None, 50) <= os.cpu_count()


@pytest.mark.parametrize("forbidden", [False, True])
def test_shared_arrays_lie_apart_and_are_seen_by_both_sides(monkeypatch, tmp_path, forbidden):
    """Also where a sandbox forbids memory without a name."""
    if forbidden:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setattr(os, "memfd_create", lambda _: os.stat("/nowhere"))  # raises OSError
    fields = shared_memory.layout(2, 3, 4)
    memory = shared_memory.create(fields)
    ours, theirs = shared_memory.attach(memory, fields), shared_memory.attach(memory, fields)
    for number, (name, array) in enumerate(ours.items()):
        assert array.shape == fields[name][0] and not array.any(), name
        array[...] = number % 2 or 3 if array.dtype != bool else True
    for name, array in theirs.items():
        np.testing.assert_array_equal(array, ours[name])
    os.close(memory)
    assert [*tmp_path.iterdir()] == []


def test_a_channel_tells_of_silence_and_of_death():
    read_end, write_end = os.pipe()
    pipe = channel.Channel(read_end, write_end)
    with pytest.raises(channel.Late):
        pipe.wait(0.01)
    pipe.write_message({"a": ["b", 1]})
    pipe.wait(0.01)
    assert pipe.read_message() == {"a": ["b", 1]}
    os.close(write_end)
    with pytest.raises(channel.Closed):
        pipe.read()
    os.close(read_end)
