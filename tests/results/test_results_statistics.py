"""The statistics of a table, by hand arithmetic and against scipy and rliable."""

import math

import numpy as np
import pytest

from cmta_jax.results import statistics


def test_smoothing_is_four_fifths_of_the_past_and_a_fifth_of_the_point():
    # s = 0.5, 0.8 * 0.5 + 0.2 * 1 = 0.6, 0.8 * 0.6 + 0 = 0.48
    np.testing.assert_allclose(statistics.smooth([0.5, 1.0, 0.0]), [0.5, 0.6, 0.48], rtol=1e-15)


def test_smoothing_a_mean_is_the_mean_of_smoothed_curves():
    curves = np.random.default_rng(0).random((20, 8))
    mean_of_smoothed = statistics.smooth(curves).mean(axis=1)
    np.testing.assert_allclose(statistics.smooth(curves.mean(axis=1)), mean_of_smoothed, rtol=1e-12)


def test_both_maxima_are_of_the_mean_over_seeds_and_tasks_not_of_single_runs():
    success = np.array([[[1, 0], [1, 1], [0, 0]], [[0, 1], [1, 0], [1, 0]]])  # [S, T, N]; p = 0.5, 0.75, 0.25
    assert statistics.max_raw(success) == 0.75
    assert statistics.max_smoothed(success) == pytest.approx(0.8 * 0.5 + 0.2 * 0.75)  # 0.55, then 0.49


def test_the_interquartile_mean_drops_a_quarter_at_either_end():
    assert statistics.interquartile_mean(np.array([[0, 0, 0.2, 0.4], [0.6, 0.8, 1, 1]])) == pytest.approx(0.5)
    assert statistics.interquartile_mean(np.array([0, 0.5, 0.7, 9])) == pytest.approx(0.6)


def test_the_bootstrap_resamples_seeds_within_a_task_only():
    scores = np.tile([0.0, 0.5, 0.5, 1.0], (5, 1))  # seeds agree: no resampling within a task changes anything
    assert statistics.bootstrap_interval(scores) == (0.5, 0.5)


def test_the_bootstrap_interval_is_that_of_all_possible_resamples():
    # Two seeds, one task: means 0, 0.5, 0.5, 1, a quarter each; the middle 40 % is 0.5, the middle 95 % everything.
    scores = np.array([[0.0], [1.0]])
    assert statistics.bootstrap_interval(scores, np.mean, level=0.4) == (0.5, 0.5)
    assert statistics.bootstrap_interval(scores, np.mean, level=0.95) == (0.0, 1.0)


def test_one_seed_has_no_interval():
    assert all(math.isnan(bound) for bound in statistics.bootstrap_interval(np.array([[0.1, 0.9]])))


def test_wilson_at_zero_of_n_is_z_squared_over_n_plus_z_squared():
    low, high = statistics.wilson_interval(0, 50)
    assert low == 0 and high == pytest.approx(1.959964**2 / (50 + 1.959964**2), rel=1e-6)


@pytest.mark.filterwarnings("ignore")  # of rliable's own dependencies
def test_interquartile_mean_and_interval_agree_with_rliable():
    metrics = pytest.importorskip("rliable.metrics")
    library = pytest.importorskip("rliable.library")
    scores = np.random.default_rng(3).beta(2, 1, size=(8, 10))
    points, intervals = library.get_interval_estimates(
        {"ours": scores},
        lambda values: np.array([metrics.aggregate_iqm(values)]),
        reps=4000,
        random_state=np.random.RandomState(0),
    )
    assert statistics.interquartile_mean(scores) == points["ours"][0]
    interval = statistics.bootstrap_interval(scores, resamples=4000)
    np.testing.assert_allclose(interval, intervals["ours"][:, 0], atol=0.003)  # both are random


def curve(*points):
    """Success `[1, T, 1]` of one seed on one task."""
    return np.array(points, float)[None, :, None]


def test_the_last_five_evaluations_of_each_seed():
    success = np.concatenate([curve(0, 0, 1, 1, 1, 1, 1), curve(1, 1, 0, 0, 0, 0, 0.5)])
    assert statistics.last_mean(success) == pytest.approx([1.0, 0.1])


def test_steps_to_solve_are_those_of_the_mean_over_tasks():
    steps = np.array([10, 20, 30])
    both = np.concatenate([curve(0.7, 0.9, 1.0), curve(0.7, 0.7, 0.2)], axis=2)  # means 0.7, 0.8, 0.6
    never = np.concatenate([curve(1, 1, 1), curve(0, 0.5, 0.5)], axis=2)
    assert np.array_equal(statistics.steps_to_solve(steps, np.concatenate([both, never])), [20, np.nan], equal_nan=True)


def test_retention_is_what_comes_after_a_task_was_solved():
    assert statistics.retention(curve(0.0, 0.8, 1.0, 0.5)) == pytest.approx(0.75), (
        "the evaluation that solved it does not count"
    )
    two = np.concatenate([curve(0.8, 1.0, 1.0, 1.0), curve(0.0, 0.0, 0.9, 0.0)])  # kept 1 and 0
    assert statistics.retention(two) == pytest.approx(0.5), "early and late count alike"
    assert np.isnan(statistics.retention(curve(0.0, 0.5, 0.79)))
    assert np.isnan(statistics.retention(curve(0.0, 0.5, 1.0))), "nothing came after it"


def test_a_paired_difference_is_students():
    first, second = np.array([0.9, 0.8, 0.7]), np.array([0.5, 0.6, 0.6])  # differences 0.4, 0.2, 0.1
    mean, low, high = statistics.paired_difference(first, second)
    half = 4.302652729749464 * np.sqrt(7 / 300) / np.sqrt(3)  # t of 2 degrees of freedom at 0.975; variance 7 / 300
    assert [mean, low, high] == pytest.approx([7 / 30, 7 / 30 - half, 7 / 30 + half])
    assert np.isnan(statistics.paired_difference(first[:1], second[:1])[1:]).all()
