"""Arrays that the pool and its workers share, in memory without a name: nothing is left over, however a run ends."""

import mmap
import os
import tempfile

import numpy as np

from cmta_jax.environments.sizes import ACTION_DIM, GOAL_DIM, INFO_KEYS, NUM_GOAL_SETS, OBSERVATION_DIM

Layout = dict[str, tuple[tuple[int, ...], str]]  # shape and dtype of every array, by name

_ALIGNMENT = 64  # bytes; a cache line


def layout(
    num_seeds: int, num_tasks: int, copies: int, *, exact: bool = False, picture: tuple[int, int] | None = None
) -> Layout:
    """The shared arrays of L = seeds x tasks x copies lanes.

    Args:
        num_seeds, num_tasks, copies: of the lanes.
        exact: float64 in place of float32; Meta-World's `info`, in the order of `INFO_KEYS`; and the kind of number
            that each reward was (see `vector_infos.EpisodeStatistics`).
        picture: height and width of the pictures that PICTURE draws, if it does.
    """
    lanes, real = num_seeds * num_tasks * copies, "float64" if exact else "float32"
    info = {"info": ((lanes, len(INFO_KEYS)), real), "reward_kind": ((lanes,), "int8")} if exact else {}
    return {
        # written by the pool
        "action": ((lanes, ACTION_DIM), "float32"),
        "goal_set": ((lanes,), "int32"),  # index of the goal set of a lane's next reset
        "reset_mask": ((lanes,), "bool"),  # which lanes RESET and STEP_AND_RESET reset
        "reset_on_success": ((lanes,), "bool"),  # which lanes STEP_AND_RESET also resets if the step solves their task
        "chosen_lane": ((1,), "int32"),  # which lane the command DRAW is for
        # written by the workers
        "next_observation": ((lanes, OBSERVATION_DIM), real),
        "reset_observation": ((lanes, OBSERVATION_DIM), real),
        "reward": ((lanes,), real),
        "success": ((lanes,), "bool"),
        **info,
        **({"picture": ((lanes, *picture, 3), "uint8")} if picture else {}),
        "goal_vectors": ((num_seeds, num_tasks, NUM_GOAL_SETS, GOAL_DIM), "float64"),
        "generator_key": ((624,), "uint32"),  # state of the stream of goal vectors (Mersenne twister)
        "generator_position": ((1,), "int32"),
    }


def create(fields: Layout) -> int:
    """A file descriptor of anonymous memory large enough for `fields`; it is freed with its last user."""
    try:
        descriptor = os.memfd_create("cmta_jax")
    except (AttributeError, OSError):  # not Linux, or a sandbox that forbids it
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(descriptor, sum(_padded_bytes(*field) for field in fields.values()))
    return descriptor


def attach(descriptor: int, fields: Layout) -> dict[str, np.ndarray]:
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
