"""Which goal set an episode has."""

import collections

import numpy as np

from cmta_jax.environments.goals import schedule


def test_a_goal_set_is_a_function_of_seed_task_copy_and_episode():
    assert [schedule.goal_set_index("mixed", 0, "reach-v3", 0, episode) for episode in range(6)] == PINNED_MIXED
    assert [schedule.goal_set_index("fixed", seed, "reach-v3", 0, 0) for seed in range(6)] == PINNED_FIXED


# Numbers drawn once and pinned: another value would mean other training runs for the same seed.
PINNED_MIXED = [16, 0, 13, 23, 43, 35]
PINNED_FIXED = [42, 21, 7, 4, 12, 24]


def test_fixed_goals_know_neither_copy_nor_episode_nor_restart():
    draws = {schedule.goal_set_index("fixed", 3, "push-v3", *rest) for rest in np.ndindex(4, 5, 3)}
    assert len(draws) == 1


def test_every_word_of_the_address_changes_the_stream():
    def stream(**change):
        address = {"goals": "mixed", "seed": 1, "task": "push-v3", "copy": 0, "restart": 0} | change
        return [schedule.goal_set_index(**address, episode=episode) for episode in range(40)]

    changes = [{}, {"seed": 2}, {"task": "reach-v3"}, {"copy": 1}, {"restart": 1}]
    assert len({tuple(stream(**change)) for change in changes}) == len(changes)


def test_all_goal_sets_come_up_about_equally_often():
    counts = collections.Counter(schedule.goal_set_index("mixed", 0, "reach-v3", 0, episode) for episode in range(5000))
    assert sorted(counts) == list(range(50))
    assert 60 < min(counts.values()) and max(counts.values()) < 145  # 100 expected, standard deviation 10


def test_lanes_are_ordered_by_seed_then_task_then_copy():
    drawn = schedule.goal_set_indices("mixed", (5, 6), ("reach-v3", "push-v3"), 3, 7, np.zeros(12, int))
    lanes = [(seed, task, copy) for seed in (5, 6) for task in ("reach-v3", "push-v3") for copy in range(3)]
    assert drawn.tolist() == [schedule.goal_set_index("mixed", *lane, 7) for lane in lanes]


def test_drawing_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].tolist()
    schedule.goal_set_indices("mixed", (0,), ("reach-v3",), 2, 0, np.zeros(2, int))
    assert np.random.get_state()[1].tolist() == before
