"""Replay on the learner's device: one ring per lane, stratified batches, no float stored twice.

Row t of a ring holds what was seen and done at step t; what came next is read from row t + 1. `add` therefore writes
two rows: the transition, and the observation and carry after it, which the next `add` overwrites with the same values
and completes. At the end of an episode that second row stays, as the true last observation, and is never sampled as a
transition. A lane may end an episode at any time, or drop a transition, without touching the others.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.training.row import Layout, Row, layout_of
from cmta_jax.types import Array, History, Transition

TRIES = 6  # draws of a row: one is unsampleable with probability 1 / (horizon + 1), all of them with its sixth power


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("numbers", "valid", "cursor", "size", "continues"),
    meta_fields=("layout",),
)
@dataclasses.dataclass(frozen=True)
class Replay:
    """The rings of all lanes. Any number of leading axes may stand before those named here, such as that of seeds."""

    numbers: Array  # [N, C, P, W]: P rows of W numbers
    valid: Array  # [N, C, P] bool: the row is a transition that may be sampled
    cursor: Array  # [N, C] int32: the row to write next
    size: Array  # [N, C] int32: rows written so far, at most P
    continues: Array  # [N, C] bool: the row at the cursor holds what followed a stored transition
    layout: Layout

    @property
    def rows(self) -> Row:
        """Leaves `[N, C, P, ...]`: copies, unless a compiled function reads parts of them only."""
        return self.layout.unpack(self.numbers)

    def restored(self, numbers: Any, valid: Any, cursor: Any, size: Any) -> "Replay":
        """A replay of this layout with what a checkpoint has of it, as numpy arrays."""
        before = (cursor - 1) % valid.shape[-1]
        continues: Any = np.take_along_axis(valid, before[..., None], axis=-1)[..., 0]
        return Replay(numbers, valid, cursor, size, continues, self.layout)


def init(example: Row, rows_per_lane: int) -> Replay:
    """An empty replay for lanes like `example` (leaves `[N, C, ...]`, values ignored)."""
    lanes, layout = example.reward.shape, layout_of(example)  # Deviation 3: a ring per lane, hence per task
    return Replay(
        jnp.zeros((*lanes, rows_per_lane, layout.width), layout.dtype),
        jnp.zeros((*lanes, rows_per_lane), bool),
        jnp.zeros(lanes, jnp.int32),
        jnp.zeros(lanes, jnp.int32),
        jnp.zeros(lanes, bool),
        layout,
    )


def rows_for(transitions_per_lane: int, horizon: int) -> int:
    """Rows that hold so many transitions and the final observations of their episodes."""
    return transitions_per_lane + transitions_per_lane // horizon + 2


def add(replay: Replay, transition: Transition, last: Array, valid: Array) -> Replay:
    """Stores one transition per lane.

    Args:
        transition: leaves `[N, C, ...]`.
        last: `[N, C]` bool, the next transition of the lane begins another episode.
        valid: `[N, C]` bool, false where the transition is dropped (a fault): the row stays, as the last observation of
            the episode so far, if there is one; the lane's next transition must begin another episode.
    """
    *lanes, rows_per_lane = replay.valid.shape
    chex.assert_shape([transition.reward, transition.discount, transition.success, last, valid], lanes)
    chex.assert_equal_shape([transition.observation, transition.next_observation])
    both = _and_next(replay.cursor, rows_per_lane)
    now = Row(**{name: getattr(transition, name) for name in Row._fields})
    then = now._replace(observation=transition.next_observation, carry=transition.next_carry)
    pair = jnp.stack([replay.layout.pack(now), replay.layout.pack(then)], axis=2)
    advance = jnp.where(valid, 1 + last.astype(jnp.int32), replay.continues.astype(jnp.int32))
    return Replay(  # nothing is read from the rings here: XLA would copy them whole to read after it wrote
        _write(replay.numbers, both, pair),
        _write(replay.valid, both, jnp.stack([valid, jnp.zeros_like(valid)], axis=2)),
        (replay.cursor + advance) % rows_per_lane,
        jnp.minimum(replay.size + advance, rows_per_lane),
        valid & ~last,
        replay.layout,
    )


def replaced(replay: Replay) -> tuple[Array, Array]:
    """How many transitions the next `add` will overwrite, and the sum of their absolute rewards; `[N, C]` each.

    In a program that adds, call this after `add` (see there).
    """
    rows = [replay.cursor, (replay.cursor + 1) % replay.valid.shape[-1]]  # a pair is a launch more
    lost = [_read(replay.valid, row).astype(replay.numbers.dtype) for row in rows]
    sizes = [jnp.abs(replay.layout.unpack(_read(replay.numbers, row)).reward) for row in rows]
    return lost[0] + lost[1], lost[0] * sizes[0] + lost[1] * sizes[1]


class Place(NamedTuple):
    """Where the transitions of a batch are: lane and row `[N, B]` of each."""

    lane: Array
    row: Array


def sample(replay: Replay, key: Array, batch_per_task: int, history: int = 0) -> Transition:
    """A stratified batch, leaves `[N, batch_per_task, ...]`; arguments as in `draw` and `read`."""
    return read(replay, draw(replay, key, batch_per_task), history)


def draw(replay: Replay, key: Array, batch_per_task: int) -> Place:
    """A stratified batch: uniform over each task's stored transitions.

    Every lane must hold a transition. A row that is not a transition is drawn again; if all `TRIES` fail (once in 1e13
    at the paper's horizon), the newest transition of the lane is taken.

    Args:
        replay: rings `[N, C, P, ...]`.
        key: of this batch.
        batch_per_task: B, transitions of each task.
    """
    chex.assert_rank(replay.valid, 3)
    num_tasks, copies, _ = replay.valid.shape
    lane_key, row_key = jax.random.split(key)
    task = jnp.arange(num_tasks)[:, None]
    # Deviation 2: as many transitions of each task, not of all tasks together
    lane = jax.random.randint(lane_key, (num_tasks, batch_per_task), 0, copies)
    size = replay.size[task, lane]
    tries = jax.random.randint(row_key, (TRIES, num_tasks, batch_per_task), 0, size[None])
    usable = replay.valid[task[None], lane[None], tries]
    row = jnp.take_along_axis(tries, jnp.argmax(usable, axis=0)[None], axis=0)[0]
    return Place(lane, jnp.where(usable.any(axis=0), row, _newest(replay)[task, lane]))


def read(replay: Replay, place: Place, history: int = 0) -> Transition:
    """The transitions at a place, leaves `[N, B, ...]`.

    Args:
        replay: rings `[N, C, P, ...]`.
        place: from `draw`.
        history: T, steps before each transition from which its carry is to be computed; 0: the stored carries.
    """
    lane, row = place
    task = jnp.arange(lane.shape[0])[:, None]
    both = _and_next(row, replay.valid.shape[-1])
    pair = replay.numbers[task[..., None], lane[..., None], both]  # [N, B, 2, W]
    now, then = replay.layout.unpack(pair[:, :, 0]), replay.layout.unpack(pair[:, :, 1])
    batch = Transition(
        observation=now.observation,
        action=now.action,
        reward=now.reward,
        discount=now.discount,
        next_observation=then.observation,  # Deviation 13: of the same episode
        success=now.success,
        carry=now.carry,
        next_carry=then.carry,
    )
    return _with_history(replay, batch, (task, lane, row), history) if history else batch


def _with_history(replay: Replay, batch: Transition, place: tuple[Array, Array, Array], length: int) -> Transition:
    """The batch with a `History` in place of each carry.

    Args:
        place: task `[N, 1]`, lane and row `[N, B]` of each transition.
        length: T, steps before the transition. Those of another episode, and those no longer there, are skipped.
    """
    task, lane, row = place
    rows_per_lane = replay.valid.shape[-1]
    before = (row[None] - jnp.arange(length, 0, -1)[:, None, None]) % rows_per_lane  # [T, N, B], oldest first
    valid = replay.valid[task[None], lane[None], before]  # a row between two episodes is no transition
    seen = jnp.flip(jnp.cumprod(jnp.flip(valid.astype(jnp.int32), axis=0), axis=0), axis=0).astype(bool)
    oldest = (row - seen.sum(axis=0)) % rows_per_lane
    carry = replay.layout.unpack(replay.numbers[task, lane, oldest]).carry
    observation = replay.numbers[task[None], lane[None], before, : replay.layout.ends[0]]  # the rows' first part
    now = batch.observation[None], jnp.ones((1, *row.shape), bool)
    next_history = History(carry, jnp.concatenate([observation, now[0]]), jnp.concatenate([seen, now[1]]))
    return batch._replace(carry=History(carry, observation, seen), next_carry=next_history)


def _newest(replay: Replay) -> Array:
    """The row of each lane's newest transition `[N, C]`: one behind the cursor, or two after an episode's end."""
    before = (replay.cursor - 1) % replay.valid.shape[-1]
    return jnp.where(_read(replay.valid, before), before, (replay.cursor - 2) % replay.valid.shape[-1])


def _read(ring: Array, row: Array) -> Array:
    """What the ring holds at a `row` `[N, C]` of each lane, `[N, C, ...]`."""
    task, lane = jnp.indices(row.shape, sparse=True)
    return ring[task, lane, row]


def _and_next(row: Array, rows_per_lane: int) -> Array:
    """A row and the one after it in the ring: `[...]` -> `[..., 2]`."""
    return jnp.stack([row, (row + 1) % rows_per_lane], axis=-1)


def _write(ring: Array, rows: Array, values: Array) -> Array:
    """The ring with other `values` `[N, C, R, ...]` at different `rows` `[N, C, R]` of each lane."""
    task, lane, _ = jnp.indices(rows.shape, sparse=True)
    return ring.at[task, lane, rows].set(values, unique_indices=True)
