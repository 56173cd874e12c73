"""Replay semantics: what comes out is what went in, once, with the right next observation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cmta_jax.training import replay
from cmta_jax.types import Transition

TASKS, COPIES, HORIZON = 2, 1, 5


sample = jax.jit(replay.sample, static_argnums=(2, 3))
add = jax.jit(replay.add)


def transition(step, tasks=TASKS, copies=COPIES):
    """A transition whose every number says task and step: observation = 1000 task + step, next one 0.5 more."""
    code = np.broadcast_to(1000 * np.arange(tasks, dtype=np.float32)[:, None] + np.float32(step), (tasks, copies))
    carry = lambda x: (np.stack([x] * 2, -1),)  # noqa: E731
    return Transition(
        code[..., None], -code[..., None], 2 * code, np.ones_like(code), code[..., None] + 0.5,
        code % 2 == 0, carry(code + 0.25), carry(code + 0.75),
    )  # fmt: skip


def filled(steps, rows, horizon=HORIZON, consistent=True, copies=COPIES):
    """A replay after `steps` steps; where `consistent`, step t's next observation is step t + 1's observation."""
    first = transition(0, copies=copies)
    ring = replay.init(replay.Row(*(getattr(first, name) for name in replay.Row._fields)), rows)
    yes = np.ones((TASKS, copies), bool)
    for step in range(steps):
        item = transition(step, copies=copies)
        if consistent and (step + 1) % horizon:
            after = transition(step + 1, copies=copies)
            item = item._replace(next_observation=after.observation, next_carry=after.carry)
        ring = add(ring, item, yes & ((step + 1) % horizon == 0), yes)
    return ring


def drawn(ring, number=400, seed=0):
    return jax.tree.map(np.asarray, sample(ring, jax.random.key(seed), number))


def test_every_field_of_a_sampled_transition_belongs_together():
    batch = drawn(filled(steps=12, rows=40))
    code = batch.observation[..., 0]
    step = code % 1000
    np.testing.assert_array_equal(code // 1000, np.broadcast_to([[0], [1]], code.shape))
    np.testing.assert_array_equal(batch.action[..., 0], -code)
    np.testing.assert_array_equal(batch.reward, 2 * code)
    np.testing.assert_array_equal(batch.success, step % 2 == 0)
    assert batch.success.dtype == bool and batch.reward.dtype == np.float32
    np.testing.assert_array_equal(batch.carry[0][..., 0], code + 0.25)
    final = (step + 1) % HORIZON == 0
    np.testing.assert_array_equal(batch.next_observation[..., 0], np.where(final, code + 0.5, code + 1))
    np.testing.assert_array_equal(batch.next_carry[0][..., 0], np.where(final, code + 0.75, code + 1.25))


@pytest.mark.parametrize("rows", [40, 9])  # with room for all steps; with the oldest ones overwritten
def test_a_history_holds_the_steps_of_the_episode_before_each_transition(rows):
    length, steps = 3, 13
    batch = jax.tree.map(np.asarray, sample(filled(steps=steps, rows=rows), jax.random.key(0), 200, length))
    base, step = np.divmod(batch.observation[..., 0], 1000)
    history = batch.carry
    assert history.observation.shape == (length, TASKS, 200, 1)
    seen = history.seen.sum(axis=0)
    possible = np.minimum(step % HORIZON, length)  # steps of this episode before this one
    if rows == 40:
        np.testing.assert_array_equal(seen, possible)
    else:
        assert (seen <= possible).all() and (seen < possible).any() and seen.max() == length
    ago = np.arange(length, 0, -1)[:, None, None]
    np.testing.assert_array_equal(history.seen, ago <= seen)
    past = np.where(history.seen, history.observation[..., 0], 0)
    np.testing.assert_array_equal(past, np.where(history.seen, 1000 * base + step - ago, 0))
    np.testing.assert_array_equal(history.carry[0][..., 0], 1000 * base + step - seen + 0.25)  # before the oldest seen
    after = batch.next_carry
    np.testing.assert_array_equal(after.observation, np.concatenate([history.observation, batch.observation[None]]))
    assert after.seen[-1].all() and np.array_equal(after.seen[:-1], history.seen)
    np.testing.assert_array_equal(after.carry[0], history.carry[0])


def test_a_history_changes_nothing_else_of_a_batch():
    ring, key = filled(steps=12, rows=40), jax.random.key(0)
    plain, with_history = sample(ring, key, 50), sample(ring, key, 50, 3)
    for name in Transition._fields:
        if "carry" not in name:
            np.testing.assert_array_equal(getattr(plain, name), getattr(with_history, name))


def test_every_stored_transition_is_drawn_and_nothing_else():
    steps = set(drawn(filled(steps=13, rows=40)).observation.reshape(-1) % 1000)
    assert steps == set(range(13))


def test_sampling_is_uniform_over_transitions_also_at_episode_ends():
    batch = drawn(filled(steps=10, rows=40), number=40_000)
    counts = np.bincount(batch.observation[0, :, 0].astype(int), minlength=10)
    np.testing.assert_allclose(counts / 40_000, 0.1, atol=0.01)


@pytest.mark.parametrize("steps", [20, 21, 24, 25, 26, 57, 60])
def test_a_full_ring_holds_the_newest_transitions(steps):
    rows = 12
    held = set(drawn(filled(steps=steps, rows=rows)).observation[0, :, 0].astype(int))
    assert max(held) == steps - 1
    assert held == set(range(steps - len(held), steps))
    assert len(held) >= rows - 4  # two episodes' final rows and the row being written


def test_next_observation_is_right_across_the_seam_of_the_ring():
    for steps in range(10, 40):
        batch = drawn(filled(steps=steps, rows=11), number=64)
        code = batch.observation[..., 0]
        final = (code % 1000 + 1) % HORIZON == 0
        np.testing.assert_array_equal(batch.next_observation[..., 0], np.where(final, code + 0.5, code + 1))


@pytest.mark.parametrize("drops", [1, 2, 3])
def test_a_dropped_transition_is_never_drawn_and_leaves_its_neighbours_whole(drops):
    ring, yes = filled(steps=3, rows=40), jnp.ones((TASKS, COPIES), bool)
    for _ in range(drops):  # faults: the lane begins a new episode
        ring = replay.add(ring, transition(3), last=yes, valid=~yes)
    ring = replay.add(ring, transition(10), last=~yes, valid=yes)
    batch = drawn(ring)
    assert set(batch.observation[0, :, 0]) == {0, 1, 2, 10}
    np.testing.assert_array_equal(
        batch.next_observation[..., 0] - batch.observation[..., 0],
        np.where(batch.observation[..., 0] % 1000 == 10, 0.5, 1),
    )


@pytest.mark.parametrize(("steps", "kept"), [(HORIZON, 0), (HORIZON + 1, 1)])
def test_a_dropped_transition_leaves_a_row_only_where_an_episode_goes_on(steps, kept):
    """The row after the last stored transition, as what followed it; at the first step of an episode there is none."""
    ring, yes = filled(steps=steps, rows=40), jnp.ones((TASKS, COPIES), bool)
    after = replay.add(ring, transition(steps), last=yes, valid=~yes)
    np.testing.assert_array_equal(after.cursor, ring.cursor + kept)
    again = replay.add(after, transition(steps), last=yes, valid=~yes)
    np.testing.assert_array_equal(again.cursor, after.cursor)


def test_a_row_that_is_no_transition_is_never_drawn_even_if_every_try_meets_one():
    ring = filled(steps=5, rows=1000)
    newest = (jnp.arange(1000) == 4)[None, None]
    ring = dataclasses.replace(ring, valid=ring.valid & newest, size=ring.size * 0 + 1000)
    assert set(drawn(ring).observation[0, :, 0]) == {4}


def test_lanes_of_one_task_are_sampled_alike():
    ring = filled(steps=6, rows=20, copies=3)
    reward = ring.rows.reward * 0 + jnp.arange(3.0)[None, :, None]
    ring = dataclasses.replace(ring, numbers=ring.layout.pack(ring.rows._replace(reward=reward)))
    counts = np.bincount(drawn(ring, number=30_000).reward.astype(int).reshape(-1), minlength=3)
    np.testing.assert_allclose(counts / 60_000, 1 / 3, atol=0.01)


def row_bytes(ring):
    """Bytes of one row of one lane, its validity included."""
    return (ring.numbers.nbytes + ring.valid.nbytes) // ring.valid.size


def test_a_memoryless_policy_stores_no_carry():
    item = transition(0)._replace(carry=(), next_carry=())
    row = replay.Row(*(getattr(item, name) for name in replay.Row._fields))
    ring = replay.add(replay.init(row, 4), item, jnp.zeros((TASKS, COPIES), bool), jnp.ones((TASKS, COPIES), bool))
    batch = drawn(ring, number=2)
    assert batch.carry == () and batch.next_carry == ()
    assert row_bytes(ring) == 5 * 4 + 1  # observation, action, reward, discount, success; validity


def test_a_paper_size_transition_of_cmta_costs_697_bytes():
    lane = jnp.zeros((1, 1))
    row = replay.Row(
        jnp.zeros((1, 1, 39)), jnp.zeros((1, 1, 4)), lane, lane, lane.astype(bool), (jnp.zeros((1, 1, 64)),) * 2
    )
    assert row_bytes(replay.init(row, 4)) == 697


def test_rows_for_a_capacity_hold_that_many_transitions():
    capacity = 17
    ring = filled(steps=200, rows=replay.rows_for(capacity, HORIZON))
    assert int(ring.valid[0, 0].sum()) >= capacity


def test_a_step_writes_the_rings_in_place():
    """The compiled step needs no memory of the size of the replay, which it would copy if it read after it wrote."""

    def step(ring, item, last, valid):
        ring = replay.add(ring, item, last, valid)
        return ring, replay.replaced(ring)

    ring, yes = filled(steps=1, rows=10_000), jnp.ones((TASKS, COPIES), bool)
    compiled = jax.jit(step, donate_argnums=0).lower(ring, transition(1), ~yes, yes).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < ring.valid.nbytes / 4
