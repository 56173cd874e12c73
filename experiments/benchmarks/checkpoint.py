"""The benchmark suite `checkpoint`: what a save costs the training, and what a resume costs the user.

The learner is that of a new run, the replay is filled with ones. It is saved as a run saves it, every
`--checkpoint_every` steps, until it is full and a few more times.
"""

import dataclasses
import functools
import os
import pathlib
import statistics
import tempfile
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.checkpoint import Checkpoint, Checkpointer
from cmta_jax.config import TrainingConfig
from cmta_jax.training.program import compile_program, seed_keys_of
from cmta_jax.training.replay import Replay
from experiments.benchmarks.grid import Cell, method_of, sweep
from experiments.benchmarks.options import Options

COLUMNS = ("stall_s", "longest_stall_s", "write_s", "restore_s", "replay_gib", "folder_gib")
SAVES = 5  # with the replay full


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Measures every combination asked for, with the paper's replay (a hundredth of it if `quick`); see `sweep`.

    Columns, of the saves with a full replay: `stall_s` is the time that a save adds to an iteration (median) and
    `longest_stall_s` the longest; `write_s` is the time until the disk has it (median). `first_stall_s`, in the file
    only, is that of the first save, which compiles. `restore_s` is the time from files that are not cached in memory to
    the learner's device, `folder_gib` the disk space of all checkpoints that are kept.
    """
    return sweep(json_path, options, COLUMNS, measure)


def measure(cell: Cell, options: Options) -> dict[str, float]:
    """The figures of one row."""
    config = TrainingConfig(num_seeds=cell.seeds)
    if options.quick:
        config = dataclasses.replace(config, replay_capacity=50_000, checkpoint_every=500)
    method, spec = method_of(cell, options)
    program = compile_program(method, spec, config, options.batch_per_task)
    observation = jnp.zeros((cell.seeds, spec.num_tasks, 1, spec.observation_dim))
    learner, replay, rollout = program.start(seed_keys_of(config), observation)
    template = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), ((learner, rollout), replay))
    replay = dataclasses.replace(replay, numbers=jnp.ones_like(replay.numbers), valid=jnp.ones_like(replay.valid))
    pool = {"actions": np.zeros((spec.horizon, cell.seeds * spec.num_tasks, spec.action_dim), np.float32)}
    with tempfile.TemporaryDirectory() as name:
        with Checkpointer(name, keep=config.keep_checkpoints) as checkpointer:
            figures = _save(checkpointer, (learner, rollout), replay, pool, config.checkpoint_every, spec.horizon)
        figures["replay_gib"] = sum(leaf.nbytes for leaf in jax.tree.leaves(replay)) / 2**30
        figures["folder_gib"] = sum(path.stat().st_size for path in _files(name)) / 2**30
        del replay
        return figures | {"restore_s": _restore(name, template)}


def _save(
    checkpointer: Checkpointer, state: Any, replay: Replay, pool: dict[str, np.ndarray], every: int, horizon: int
) -> dict[str, float]:
    """Saves every `every` steps until the replay is full and `SAVES` times more; stalls and times of the latter, s."""
    stalls, seconds, full, step = [], [], 0, 0
    while full < SAVES:
        step += every
        replay = jax.block_until_ready(_written(replay, every * (horizon + 1) // horizon))
        full += bool((replay.size == replay.valid.shape[-1]).all())
        began = time.perf_counter()
        checkpointer.save(Checkpoint(step, state, replay, pool, {}))
        replay = jax.block_until_ready(_written(replay, 0))  # as an iteration does: it waits for the copies
        stalls.append(time.perf_counter() - began)
        if not checkpointer.wait():
            raise OSError("the disk could not hold the checkpoints")
        seconds.append(time.perf_counter() - began)
    last = stalls[-SAVES:]
    figures = {"stall_s": statistics.median(last), "longest_stall_s": max(last), "first_stall_s": stalls[0]}
    return figures | {"write_s": statistics.median(seconds[-SAVES:])}


@functools.partial(jax.jit, donate_argnums=0)
def _written(replay: Replay, rows: int) -> Replay:
    """The replay after `rows` more rows in each lane; the first row is changed, the others stay."""
    length = replay.valid.shape[-1]
    numbers = replay.numbers.at[..., 0, :].add(1)
    cursor, size = (replay.cursor + rows) % length, jnp.minimum(replay.size + rows, length)
    return dataclasses.replace(replay, numbers=numbers, cursor=cursor, size=size)


def _restore(folder: str, template: tuple[Any, Any]) -> float:
    """Seconds from files that are not in memory to the learner's device."""
    for path in _files(folder):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    began = time.perf_counter()
    with Checkpointer(folder) as checkpointer:
        found = checkpointer.restore(*template)
    if found is None:
        raise OSError("the checkpoints that were saved cannot be read back")
    jax.block_until_ready(jax.tree.map(jnp.asarray, (found.state, found.replay)))
    return time.perf_counter() - began


def _files(folder: str) -> list[pathlib.Path]:
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
