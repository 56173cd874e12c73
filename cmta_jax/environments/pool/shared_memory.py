"""Arrays that the pool and its workers share, in memory without a name: nothing is left behind, however a run ends."""

import mmap
import os
import tempfile

import numpy as np

OBSERVATION_DIM = 39
ACTION_DIM = 4
NUM_GOAL_SETS = 50
GOAL_DIM = 6  # the longest of Meta-World's random vectors; shorter ones are padded

_ALIGNMENT = 64  # bytes; a cache line


def layout(num_seeds: int, num_tasks: int, copies: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every shared array for L = seeds x tasks x copies lanes."""
    lanes = num_seeds * num_tasks * copies
    return {
        # written by the pool
        "action": ((lanes, ACTION_DIM), "float32"),
        "goal_set": ((lanes,), "int32"),  # where the next reset of a lane begins
        "reset_mask": ((lanes,), "bool"),  # which lanes the command RESET is for
        "chosen_lane": ((1,), "int32"),  # which lane the command DRAW is for
        # written by the workers
        "next_observation": ((lanes, OBSERVATION_DIM), "float32"),
        "reset_observation": ((lanes, OBSERVATION_DIM), "float32"),
        "reward": ((lanes,), "float32"),
        "success": ((lanes,), "bool"),
        "fault": ((lanes,), "bool"),
        "goal_vectors": ((num_seeds, num_tasks, NUM_GOAL_SETS, GOAL_DIM), "float64"),
        "generator_key": ((624,), "uint32"),  # the stream the goal sets are drawn from (Mersenne twister)
        "generator_position": ((1,), "int32"),
    }


def create(fields: dict) -> int:
    """A file descriptor of anonymous memory large enough for `fields`; it vanishes with its last user."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("cmta_jax")
    else:
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(descriptor, sum(_padded_bytes(*field) for field in fields.values()))
    return descriptor


def attach(descriptor: int, fields: dict) -> dict[str, np.ndarray]:
    """Views of the shared arrays, by name."""
    buffer = mmap.mmap(descriptor, 0)
    arrays, offset = {}, 0
    for name, (shape, dtype) in fields.items():
        arrays[name] = np.frombuffer(buffer, dtype, count=int(np.prod(shape)), offset=offset).reshape(shape)
        offset += _padded_bytes(shape, dtype)
    return arrays


def _padded_bytes(shape: tuple[int, ...], dtype: str) -> int:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return -(-size // _ALIGNMENT) * _ALIGNMENT
