"""Goal sets drawn without physics are Meta-World's own."""

import hashlib
import pickle

import metaworld
import numpy as np
import pytest

from cmta_jax.environments import MT10, MT50
from cmta_jax.environments.simulator.fast import FastSimulator
from cmta_jax.environments.simulator.models import compile_once

MT10_SEED_0 = "c1603b2c045ae375c876be92b0935d7587e33805a919a01b5fb721627c850c57"


def drawn(tasks, seed):
    """Goal sets of `tasks` from one stream: a list of arrays [50, D]."""
    stream = np.random.RandomState(seed)
    with compile_once():
        return [FastSimulator(task).draw_goal_vectors(stream) for task in tasks]


def official(benchmark):
    """The same from Meta-World's tasks, 50 of each in order."""
    vectors = [pickle.loads(task.data)["rand_vec"] for task in benchmark.train_tasks]
    return [np.array(vectors[start : start + 50]) for start in range(0, len(vectors), 50)]


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_list_of_one_task_has_the_goal_sets_of_mt1():
    assert_same(drawn(["push-v3"], 7), official(metaworld.MT1("push-v3", seed=7)))


def test_the_goal_sets_of_mt10_are_those_compared_with_metaworld_once():
    vectors = b"".join(np.asarray(of_task, "<f8").tobytes() for of_task in drawn(MT10, 0))
    assert hashlib.sha256(vectors).hexdigest() == MT10_SEED_0


@pytest.mark.nightly
def test_mt10_has_the_goal_sets_of_metaworld_mt10():
    assert_same(drawn(MT10, 0), official(metaworld.MT10(seed=0)))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 42])
def test_mt50_has_the_goal_sets_of_metaworld_mt50(seed):
    assert_same(drawn(MT50, seed), official(metaworld.MT50(seed=seed)))
