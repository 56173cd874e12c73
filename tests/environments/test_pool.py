"""The pool: lanes, clock, goal sets, evaluation in between, coming back to a snapshot."""

import numpy as np
import pytest

from cmta_jax.environments import EnvironmentConfig, Pool
from cmta_jax.environments.goals import schedule

TASKS = ("reach-v3", "drawer-close-v3", "push-v3")
HORIZON = 5
SEEDS = (4, 9)
LANES = len(SEEDS) * len(TASKS) * 2


def make_pool(workers=2, **settings):
    return Pool(EnvironmentConfig(TASKS, horizon=HORIZON, **settings), SEEDS, copies=2, workers=workers)


@pytest.fixture(scope="module")
def pool():
    with make_pool() as pool:
        yield pool


@pytest.fixture(scope="module")
def single_worker():
    with make_pool(workers=1) as pool:
        yield pool


def action_at(step):
    return np.random.default_rng(step).uniform(-1, 1, (LANES, 4)).astype(np.float32)


def run(pool, first, last):
    """Steps numbered from `first` to `last`, each with an action of its own."""
    steps = []
    for number in range(first, last):
        pool.send(action_at(number))
        steps.append(pool.receive())
    return steps


def assert_equal(steps, others):
    assert len(steps) == len(others)
    for step, other in zip(steps, others, strict=True):
        for name, value in step._asdict().items():
            np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)


def test_shapes_and_types_are_as_promised(pool):
    assert (pool.num_lanes, pool.observation_dim, pool.action_dim, pool.num_goal_sets) == (LANES, 39, 4, 50)
    observation = pool.reset()
    (step,) = run(pool, 0, 1)
    expected = {"next_observation": (LANES, 39), "observation": (LANES, 39)}
    for name, value in [("observation", observation), *step._asdict().items()]:
        boolean = name in ("success", "first", "valid")
        assert value.shape == expected.get(name, (LANES,)) and value.dtype == (bool if boolean else np.float32), name
    assert (step.discount == 1).all() and step.valid.all() and not step.first.any()


def test_an_episode_ends_for_all_lanes_at_once_with_the_true_last_observation(pool):
    pool.reset(episode=0)
    steps = run(pool, 0, 2 * HORIZON)
    for number, step in enumerate(steps, start=1):
        ended = number % HORIZON == 0
        assert (step.first == ended).all() and (step.discount == 1).all()
        assert (step.observation == step.next_observation).all() != ended
    last = steps[HORIZON - 1]
    np.testing.assert_array_equal(last.observation, pool.reset(episode=1))
    np.testing.assert_array_equal(last.next_observation[:, 18:21], steps[HORIZON - 2].next_observation[:, :3])


def test_steps_are_those_of_the_official_environment_on_the_promised_goal_sets(pool):
    from cmta_jax.environments.simulator.stock import StockSimulator

    observation = pool.reset(episode=3)
    steps = run(pool, 0, HORIZON)
    lane = 1 * len(TASKS) * 2 + 2 * 2 + 1  # second seed, push-v3, second copy
    simulator = StockSimulator("push-v3")
    simulator.vectors = pool.goal_vectors[1, 2]
    expected = simulator.reset(schedule.goal_set_index("mixed", SEEDS[1], "push-v3", 1, 3))
    np.testing.assert_array_equal(observation[lane], expected.astype(np.float32))
    for number, step in enumerate(steps):
        expected, reward, success = simulator.step(action_at(number)[lane])
        np.testing.assert_array_equal(step.next_observation[lane], expected.astype(np.float32))
        assert step.reward[lane] == np.float32(reward) and step.success[lane] == success


def test_the_number_of_workers_changes_no_trajectory(pool, single_worker):
    np.testing.assert_array_equal(single_worker.reset(), pool.reset())
    assert_equal(run(single_worker, 0, 2 * HORIZON + 1), run(pool, 0, 2 * HORIZON + 1))


def test_neither_the_simulator_nor_other_lanes_change_a_trajectory(pool):
    """The first copies of the second seed alone, on Meta-World's own environments."""
    lanes, config = [6, 8, 10], EnvironmentConfig(TASKS, horizon=HORIZON, simulator="stock")
    first = pool.reset()
    steps = run(pool, 0, 2 * HORIZON + 1)
    with Pool(config, SEEDS[1:], copies=1, workers=2) as stock:
        np.testing.assert_array_equal(stock.reset(), first[lanes])
        others = []
        for number in range(len(steps)):
            stock.send(action_at(number)[lanes])
            others.append(stock.receive())
    assert_equal(others, [type(step)(*(value[lanes] for value in step)) for step in steps])


def test_an_evaluation_in_between_leaves_training_as_it_was(pool):
    pool.reset(episode=0)
    steps = run(pool, 0, 3 * HORIZON)
    pool.reset(episode=0)
    before = run(pool, 0, HORIZON)
    for goal_set in (7, 49):
        pool.reset(goal_sets=np.full(LANES, goal_set))
        run(pool, 100, 100 + HORIZON)
    observation = pool.reset(episode=1)
    np.testing.assert_array_equal(observation, steps[HORIZON - 1].observation)
    assert_equal(before + run(pool, HORIZON, 3 * HORIZON), steps)


def test_evaluation_episodes_are_on_the_given_goal_sets_and_repeat_them(pool):
    goal_sets = np.arange(LANES) + 20
    observation = pool.reset(goal_sets=goal_sets)
    last = run(pool, 0, HORIZON)[-1]
    np.testing.assert_array_equal(last.observation, observation)
    reach = TASKS.index("reach-v3") * 2
    np.testing.assert_array_equal(observation[reach, 36:], pool.goal_vectors[0, 0, 20 + reach, 3:].astype(np.float32))


@pytest.mark.parametrize("taken", [0, 2, HORIZON, HORIZON + 3])
def test_a_snapshot_is_come_back_to_exactly(pool, taken):
    pool.reset(episode=2)
    run(pool, 0, taken)
    snapshot = pool.snapshot()
    steps = run(pool, taken, 3 * HORIZON)
    assert pool.restore(snapshot).dtype == np.float32
    assert_equal(run(pool, taken, 3 * HORIZON), steps)
    assert all(isinstance(value, np.ndarray) for value in snapshot.values())


def test_a_snapshot_is_come_back_to_exactly_in_other_processes(pool, single_worker):
    pool.reset(episode=2)
    run(pool, 0, 3)
    snapshot = pool.snapshot()
    steps = run(pool, 3, 2 * HORIZON)
    single_worker.restore(snapshot)
    assert_equal(run(single_worker, 3, 2 * HORIZON), steps)


def test_restore_returns_what_was_seen_last(pool):
    pool.reset()
    steps = run(pool, 0, 3)
    np.testing.assert_array_equal(pool.restore(pool.snapshot()), steps[-1].observation)


def test_a_snapshot_of_other_lanes_is_refused(pool):
    pool.reset()
    snapshot = pool.snapshot()
    snapshot["actions"] = snapshot["actions"][:, :3]
    with pytest.raises(ValueError, match="restore with the same tasks, seeds, copies and horizon"):
        pool.restore(snapshot)


def test_fixed_goals_stay_the_same_in_every_episode_and_copy():
    with make_pool(workers=1, goals="fixed") as pool:
        first = pool.reset(episode=0)
        np.testing.assert_array_equal(pool.reset(episode=11), first)
        np.testing.assert_array_equal(first[0::2], first[1::2])
        assert (first[0] != first[len(TASKS) * 2]).any()  # another seed, another goal


def test_what_was_received_is_not_written_over_later(pool):
    pool.reset()
    (step,) = run(pool, 0, 1)
    kept = step.next_observation.copy(), step.reward.copy()
    run(pool, 1, 3)
    np.testing.assert_array_equal(step.next_observation, kept[0])
    np.testing.assert_array_equal(step.reward, kept[1])


def test_an_action_that_is_not_finite_is_refused_before_it_reaches_mujoco(pool):
    pool.reset()
    action = action_at(0)
    action[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"The action for lane 2 \(drawer-close-v3\) is not finite"):
        pool.send(action)
    with pytest.raises(ValueError, match=r"shape \(12, 4\)"):
        pool.send(action[:3])
    assert run(pool, 0, 1)[0].valid.all()  # the pool goes on as if nothing had been sent


def test_a_pool_used_out_of_turn_says_so(pool):
    pool.reset()
    with pytest.raises(RuntimeError, match="send before receive"):
        pool.receive()
    pool.send(action_at(0))
    for call in (pool.reset, pool.snapshot, lambda: pool.send(action_at(0))):
        with pytest.raises(RuntimeError, match="receive"):
            call()
    pool.receive()
    with pytest.raises(ValueError, match="goal_sets must be 12 numbers from 0 to 49"):
        pool.reset(goal_sets=np.full(LANES, 50))


@pytest.mark.parametrize(("arguments", "sentence"), [({"copies": 0}, "one copy"), ({"workers": 0}, "at least 1")])
def test_a_pool_of_nothing_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Pool(EnvironmentConfig(TASKS), seeds=[0], **arguments)
