"""The loop on a toy pool: what it stores, that it repeats itself, that it compiles once, that it learns."""

import dataclasses
import functools
import threading
import time
import types

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_method
import toy_study
from comparing import close
from toy_pool import ToyPool
from toy_training import HORIZON, SPEC, TINY, TOY, Run

from cmta_jax.methods import cmta
from cmta_jax.training import evaluation, loop, one_seed, replay
from cmta_jax.training import program as program_lib
from cmta_jax.training.divergence import NotFinite
from cmta_jax.types import History


def stored(ring):
    """Valid rows of every lane as {lane: array of observations}."""
    ring = jax.tree.map(np.asarray, ring)
    return {lane: ring.rows.observation[lane][ring.valid[lane]] for lane in np.ndindex(ring.cursor.shape)}


def test_the_replay_holds_what_the_simulators_said():
    run = Run(steps_per_task=23)
    seen = [np.asarray(run.state.rollout.observation)]
    seen += [np.asarray(moment.state.rollout.observation) for moment in run][:-1]
    for lane, observations in stored(run.state.replay).items():
        np.testing.assert_array_equal(observations, np.stack(seen)[(slice(None), *lane)])


def test_a_transition_of_a_faulty_lane_is_dropped_and_only_that():
    pool = ToyPool(2, (0,), 1, HORIZON)
    pool.faulty = {7: [1]}
    run = Run(pool=pool, steps_per_task=23).to_the_end()
    rows = stored(run.state.replay)
    assert len(rows[0, 0, 0]) == 23 and len(rows[0, 1, 0]) == 22


def test_the_same_seed_gives_the_same_run():
    one, two = Run().to_the_end(), Run().to_the_end()
    chex.assert_trees_all_equal(one.state.learner, two.state.learner)
    chex.assert_trees_all_equal(one.state.replay, two.state.replay)


def test_the_update_is_compiled_beside_the_warm_up_and_not_again():
    run, events = Run(TOY, warmup_steps=6, steps_per_task=12), []
    learn = run.program.learn

    class Watched:
        def lower(self, *arguments):
            return types.SimpleNamespace(compile=functools.partial(self.compile, learn.lower(*arguments)))

        def compile(self, lowered):
            lowered.compile()
            time.sleep(0.2)  # longer than the warm-up, which has to wait
            events.append(threading.current_thread().name)

        def __call__(self, *arguments):
            events.append("learn")
            return learn(*arguments)

    run.program = run.program._replace(learn=Watched())
    run.to_the_end()
    assert events[0] not in ("learn", "MainThread") and events[1:] == ["learn"] * 6


@pytest.mark.parametrize("works", [True, False])
def test_an_accelerator_that_still_works_gets_the_update_before_the_action_is_sent(works, monkeypatch):
    """The order changes no result."""
    events, run, other = [], Run(), Run().to_the_end()
    learn, send = run.program.learn, run.pool.send
    monkeypatch.setattr(loop, "_still_works", lambda metrics: bool(metrics) and works)
    run.program = run.program._replace(learn=lambda *arguments: events.append("learn") or learn(*arguments))
    run.pool.send = lambda action: events.append("send") or send(action)
    monkeypatch.setattr(loop._Learning, "compile_beside", lambda *_: None)
    run.to_the_end()
    first = ["send"] * 6 + ["learn"]  # five steps of warm-up; no update is under way yet
    assert events == first + 34 * (["learn", "send"] if works else ["send", "learn"])
    chex.assert_trees_all_equal(run.state, other.state)


@pytest.mark.parametrize(("platform", "ready", "works"), [("cpu", 0, 0), ("gpu", 0, 1), ("gpu", 1, 0), ("tpu", 0, 1)])
def test_only_an_accelerator_still_works(platform, ready, works):
    device = types.SimpleNamespace(platform=platform)
    result = types.SimpleNamespace(is_ready=lambda: bool(ready), devices=lambda: [device])
    assert loop._still_works([result]) == bool(works) and not loop._still_works({})


def test_another_seed_gives_another_run():
    one, two = Run(seed=1).to_the_end(), Run(seed=2).to_the_end()
    assert not np.allclose(one.state.rollout.action, two.state.rollout.action)


def test_seeds_in_one_program_equal_runs_of_their_own():
    both = Run(TOY, num_seeds=2).to_the_end()
    for index in range(2):
        alone = Run(TOY, seed=index).to_the_end()
        own = jax.tree.map(lambda leaf, i=index: leaf[i : i + 1], (both.state.learner, both.state.rollout))
        close(own, (alone.state.learner, alone.state.rollout), rtol=1e-3, size=0.01)


def test_no_parameter_moves_during_warm_up():
    run = Run(warmup_steps=1000)
    before = jax.tree.map(np.asarray, run.state.learner)
    run.to_the_end()
    chex.assert_trees_all_equal(run.state.learner, before)
    assert run.metrics == {}


def test_warm_up_acts_uniformly_and_the_policy_afterwards():
    still = dataclasses.replace(TOY, noise=1e-4)
    run = Run(still, warmup_steps=20)
    actions = np.stack([np.asarray(moment.state.rollout.action) for moment in run])  # action i is taken at step i + 1
    assert actions[:19].std() > 0.4  # uniform: 0.58
    assert actions[19:].std() < 0.4  # nearly deterministic, close to zero at the start


def test_every_program_compiles_once():
    run = Run().to_the_end()
    for name in ("start", "learn", "observe"):
        assert getattr(run.program, name)._cache_size() == 1, name


def test_a_reset_starts_all_learning_anew_and_keeps_the_replay():
    run = Run(TOY, reset_every=20, updates_after_reset=0, steps_per_task=21)
    *_, before, after = [jax.tree.map(np.array, moment.state) for moment in run]
    init_key, _ = jax.random.split(one_seed.keys_at(program_lib.seed_keys_of(run.config)[0], 20).warmup)
    fresh = toy_method.make(TOY, SPEC).init(init_key)

    def distance(learner):
        pairs = zip(jax.tree.leaves(learner.params), jax.tree.leaves(fresh.params), strict=True)
        return max(float(np.abs(leaf[0] - np.asarray(new)).max()) for leaf, new in pairs)

    assert distance(after.learner) <= TOY.rate  # one update after the reset
    assert distance(before.learner) > 0.1
    assert stored(after.replay)[0, 0, 0].shape[0] == 21


def test_updates_after_a_reset_are_made_at_once():
    counts = {}
    for number in (0, 3):
        run = Run(TOY, reset_every=20, updates_after_reset=number, steps_per_task=21).to_the_end()
        counts[number] = int(run.state.learner.count[0])
    assert counts == {0: 1, 3: 4}


def test_a_run_that_resumes_where_it_resets_is_the_run_that_went_through():
    settings = {"reset_every": 20, "updates_after_reset": 3}
    whole = Run(TOY, steps_per_task=30, **settings).to_the_end()
    first = Run(TOY, steps_per_task=30, **settings)
    for moment in first:
        if moment.step == 20:
            break
    second = Run(TOY, first.pool, steps_per_task=30, **settings)
    second.pool.reset(20 // HORIZON)
    second.state, second.step = first.state, 20
    chex.assert_trees_all_equal(second.to_the_end().state.learner, whole.state.learner)


@pytest.mark.parametrize("updates", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_update_that_goes_wrong_is_told_with_its_batch(updates):
    """Such a rate leaves the losses of the first update finite, and the parameters after it infinite."""
    run = Run(dataclasses.replace(TOY, rate=1e38), updates_per_step=updates)
    for moment in run:
        if moment.step == 5:
            full = jax.tree.map(lambda leaf: jnp.array(leaf[0]), moment.state.replay)
        if moment.step == 6:
            break
    keys = jax.random.split(one_seed.keys_at(program_lib.seed_keys_of(run.config)[0], 5).learn, updates)
    expected = replay.sample(full, jax.random.split(keys[0])[0], TOY.batch_per_task)
    assert moment.divergence.step.tolist() == [5]
    told = run.program.tell(moment.divergence, moment.state.learner, moment.state.replay)
    assert told.step.tolist() == [5]
    chex.assert_trees_all_equal(jax.tree.map(lambda leaf: leaf[0], told.batch), expected)


def test_the_update_is_traced_once_and_sees_the_history_that_its_method_asks_for(monkeypatch):
    seen, method = [], toy_method.make(TOY, SPEC)

    def update(state, batch, key):
        seen.append(batch.carry)
        none = jnp.zeros_like(batch.action)
        return method.update(state, batch._replace(carry=none, next_carry=none), key)

    monkeypatch.setattr(toy_method, "make", lambda *_: method._replace(update=update, history=2))
    Run(TOY, reset_every=20, updates_after_reset=1, steps_per_task=21, num_seeds=2).to_the_end()
    (carry,) = seen
    assert isinstance(carry, History) and len(carry.observation) == 2


@pytest.mark.parametrize("name", ["observation", "reward"])
def test_what_is_no_number_is_refused_before_it_is_stored(name):
    class Broken(ToyPool):
        def receive(self):
            step = super().receive()
            getattr(step, name)[1] = np.inf if self._steps == 7 else getattr(step, name)[1]
            return step

    run = Run(pool=Broken(2, (0,), 1, HORIZON))
    with pytest.raises(NotFinite) as refused:
        run.to_the_end()
    assert refused.value.step == 6 and run.step == 6
    assert np.argwhere(~np.isfinite(refused.value.lanes[name]))[0].tolist()[:3] == [0, 1, 0]


def test_updates_per_step_and_copies_per_task():
    run = Run(TOY, updates_per_step=3, copies_per_task=2).to_the_end()
    assert int(run.state.learner.count[0]) == 3 * (40 - 5)
    assert run.state.rollout.action.shape == (1, 2, 2, 2)
    assert all(len(rows) == 40 for rows in stored(run.state.replay).values())


def test_training_goes_on_unchanged_after_an_evaluation():
    plain, evaluated = Run().to_the_end(), Run()
    for moment in evaluated:
        if moment.step % (2 * HORIZON) == 0:
            goals = evaluation.random_goal_sets([0], 2, 1, 3, moment.step, 10)
            params, carry = moment.state.learner.params, moment.state.rollout.carry
            evaluation.evaluate(evaluated.program, params, carry, evaluated.pool, goals, HORIZON)
            evaluated.pool.reset(moment.step // HORIZON)
    chex.assert_trees_all_equal(evaluated.state.learner, plain.state.learner)
    chex.assert_trees_all_equal(evaluated.state.replay, plain.state.replay)


def test_a_run_continued_from_its_state_equals_an_uninterrupted_one():
    whole, cut = Run().to_the_end(), Run()
    for moment in cut:
        if moment.step == 17:  # in the middle of an episode
            saved, snapshot = jax.tree.map(np.asarray, moment.state), cut.pool.snapshot()
            places = jax.tree.map(lambda leaf: leaf.sharding, moment.state)
            break
    rest = Run()
    observation = rest.pool.restore(snapshot)
    rest.state, rest.step = jax.device_put(saved, places), 17
    np.testing.assert_array_equal(observation.reshape(rest.lanes + (-1,)), saved.rollout.observation)
    rest.to_the_end()
    chex.assert_trees_all_equal(rest.state, whole.state)


def test_evaluation_counts_an_episode_as_solved_if_any_step_was():
    run = Run(steps_per_task=10).to_the_end()
    lanes, calls = run.lanes, []

    def act(params, carry, observation, first):  # walks to the goal in six steps and back in four
        calls.append(np.asarray(first).all())
        towards = 1 <= len(calls) % HORIZON <= 6
        way = observation[..., 2:4] - observation[..., :2] if towards else -observation[..., :2]
        return np.clip(way / 0.2, -1, 1), carry

    program = run.program._replace(act=act)
    goals = evaluation.every_goal_set(*lanes, 10)
    result = evaluation.evaluate(program, (), (), run.pool, goals, HORIZON)
    assert result.success.shape == (10, *lanes) and result.success.all()
    assert calls == ([True] + [False] * (HORIZON - 1)) * 10
    np.testing.assert_array_equal(result.mean_success(), np.ones(lanes[:2]))


def test_every_goal_set_is_played_once_per_task():
    goals = evaluation.every_goal_set(2, 3, 1, 50)
    assert goals.shape == (50, 2, 3, 1)
    np.testing.assert_array_equal(np.sort(goals[:, 1, 2, 0]), np.arange(50))


def test_evaluation_goals_depend_on_seed_and_step_only():
    one = evaluation.random_goal_sets([0, 1], 2, 1, 4, 3000, 50)
    np.testing.assert_array_equal(one, evaluation.random_goal_sets([0, 1], 2, 1, 4, 3000, 50))
    np.testing.assert_array_equal(one[:, 1:], evaluation.random_goal_sets([1], 2, 1, 4, 3000, 50))
    assert (one != evaluation.random_goal_sets([0, 1], 2, 1, 4, 6000, 50)).any()


def test_while_nothing_is_learnt_a_history_says_what_the_stored_states_say():
    run = Run(warmup_steps=1000).to_the_end()
    params, first = jax.tree.map(lambda leaf: leaf[0], (run.state.learner.params, run.state.replay))
    networks = cmta.networks(TINY, SPEC)

    @jax.jit
    def encodings(batch):
        tasks = networks.encode_tasks(params.task_encoder)
        now = networks.encode(params.encoder, tasks, batch.observation, batch.carry)
        return now[0], networks.encode(params.encoder, tasks, batch.next_observation, batch.next_carry)[0]

    batches = [jax.jit(replay.sample, static_argnums=(2, 3))(first, jax.random.key(0), 64, length) for length in (0, 4)]
    stored, recalled = map(encodings, batches)
    close(recalled, stored, rtol=1e-4)
    assert batches[1].carry.seen.any() and not batches[1].carry.seen.all()


def toy_success(setting):
    """Success after every 1,000 steps for each of five seeds, `[8, 5]`."""
    return np.array([float(row[toy_study.COLUMNS.index("success")]) for row in toy_study.curves(setting)]).reshape(8, 5)


@pytest.mark.slow
def test_the_shipped_setting_keeps_the_toy_solved():
    success = toy_success(toy_study.Setting(memory_learning_rate=3e-5, contrastive_weight=25.0))
    assert success[-1].min() >= 0.95 and success[4:].min() >= 0.85


@pytest.mark.slow
def test_only_a_history_solves_the_toy_that_needs_memory():
    """Without time half of the goals is the limit (results/learning_toy)."""
    hidden = toy_study.Setting("hidden")
    assert toy_success(hidden._replace(memory_history=9, contrastive_weight=25.0))[-1].min() >= 0.9
    assert toy_success(hidden._replace(temporal=False, memory_learning_rate=0.0))[-1].max() <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("variant", [{"actor_encoder": "frozen_random"}, {"temporal": False}])
def test_cmta_learns_to_reach_goals_in_the_plane(variant):
    """The shared LSTM (the paper's words) learns this too, and then loses it: docs/learning.md."""
    sizes = {"hidden_dim": 32, "encoding_dim": 16, "num_experts": 3, "batch_per_task": 32}
    config = cmta.Config(**sizes, initial_log_std=0.0, initial_temperature=0.1, **variant)
    run = Run(config, steps_per_task=8000, warmup_steps=200, replay_capacity=16_000).to_the_end()
    goals = evaluation.every_goal_set(*run.lanes, 10)
    params, carry = run.state.learner.params, run.state.rollout.carry
    result = evaluation.evaluate(run.program, params, carry, run.pool, goals, HORIZON)
    assert result.mean_success().min() >= 0.9
