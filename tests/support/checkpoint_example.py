"""A run that is a function of its step: small enough to save a thousand times, and with all that a real one has."""

import functools
import math
import os
import pathlib
import sys
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.checkpoint import Checkpoint, Checkpointer, replay_files
from cmta_jax.training import replay as replay_module
from cmta_jax.types import Transition

SEEDS, TASKS, COPIES, ROWS = 2, 3, 2, 150
HERE = pathlib.Path(__file__).parent
# For processes of their own, which import the same copy of this project.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parent, HERE.parents[1])))}


class State(NamedTuple):
    params: dict
    optimiser: tuple
    key: jax.Array


def state(step: int) -> State:
    kernel = jax.random.normal(jax.random.key(step), (SEEDS, 4, 8))
    critic = {"kernel": kernel, "bias": kernel.astype(jnp.bfloat16)}
    params = {"critic": critic, "on": kernel > 0, "none": jnp.zeros((0, 3))}
    return State(params, (jnp.int32(step), (), np.arange(step, step + 3)), jax.random.key(step))


def empty(rows: int = ROWS):
    example = replay_module.Row(
        jnp.zeros((TASKS, COPIES, 5)),
        jnp.zeros((TASKS, COPIES, 2)),
        *(jnp.zeros((TASKS, COPIES), dtype) for dtype in (jnp.float32, jnp.float32, bool)),
        carry=(jnp.zeros((TASKS, COPIES, 4), jnp.bfloat16),),
    )
    one = replay_module.init(example, rows)
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * SEEDS), one)


def _transition(step):
    def values(tag, *shape, dtype=jnp.float32):
        shape = (SEEDS, TASKS, COPIES, *shape)
        place = jnp.arange(math.prod(shape)).reshape(shape) + 3 * step + tag
        return jnp.sin(place.astype(jnp.float32)).astype(dtype)

    carry, after = values(5, 4, dtype=jnp.bfloat16), values(6, 4, dtype=jnp.bfloat16)
    return Transition(values(1, 5), values(2, 2), values(3), values(4), values(7, 5), values(3) > 0, (carry,), (after,))


@functools.partial(jax.jit, donate_argnums=0)
def play(replay, begin, end):
    """Adds the transitions of steps begin ... end - 1; episodes end every 7 steps, and in some lanes at odd times."""

    def one(step, replay):
        lane = jnp.arange(SEEDS * TASKS * COPIES).reshape(SEEDS, TASKS, COPIES)
        fault = (step * 7919 + lane * 104729) % 23 == 0
        return jax.vmap(replay_module.add)(replay, _transition(step), (step % 7 == 6) | fault, ~fault)

    return jax.lax.fori_loop(begin, end, one, replay)


def pool(step: int) -> dict[str, np.ndarray]:
    return {"actions": np.full((step % 7, 12, 4), step, np.float32), "episode": np.asarray(step // 7)}


def checkpoint(step: int, replay) -> Checkpoint:
    return Checkpoint(step, state(step), replay, pool(step), {"method": "cmta", "step": step})


def at(step: int, rows: int = ROWS) -> Checkpoint:
    """The run at `step`, computed from the beginning."""
    return checkpoint(step, play(empty(rows), 0, step))


def small_blocks(patch) -> None:
    """Cuts 150 rows into blocks of 16: nine whole ones, and a tenth that overlaps the ninth."""
    patch.setattr(replay_files, "SMALLEST_BLOCK", 16)
    patch.setattr(replay_files, "BLOCK_BYTES", 1)


def templates(rows: int = ROWS):
    return state(0), jax.eval_shape(functools.partial(empty, rows))


def assert_same(found: Checkpoint, wanted: Checkpoint) -> None:
    """Every bit, dtype, shape and name."""
    assert found.step == wanted.step and found.pool.keys() == wanted.pool.keys()
    assert wanted.metadata.items() <= found.metadata.items()
    assert jax.tree.structure(found[1:4]) == jax.tree.structure(wanted[1:4])
    for one, other in zip(jax.tree.leaves(found[1:4]), jax.tree.leaves(wanted[1:4]), strict=True):
        if jax.dtypes.issubdtype(other.dtype, jax.dtypes.prng_key):
            assert one.dtype == other.dtype
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def run_for_ever(folder: str) -> None:
    """Resumes, then saves every 9 steps as fast as it can, until it is killed."""
    checkpointer = Checkpointer(folder)
    found = checkpointer.restore(*templates())
    step, replay = (found.step, jax.tree.map(jnp.asarray, found.replay)) if found else (0, empty())
    while True:
        replay = play(replay, step, step + 9)
        step += 9
        checkpointer.save(checkpoint(step, replay), best=float(step % 5))
        print(step, flush=True)
        time.sleep(0.001)


if __name__ == "__main__":
    run_for_ever(str(pathlib.Path(sys.argv[1])))
