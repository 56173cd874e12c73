"""One worker's lanes: what fails in one of them is reported with its cause, and the others step as if alone."""

import mujoco
import numpy as np
import pytest

from cmta_jax.environments import simulator
from cmta_jax.environments.pool import shared_memory
from cmta_jax.environments.pool.lanes import Lanes

TASKS = ["reach-v3", "drawer-close-v3"]
ACTION = np.array([[0.3, -0.2, 0.1, 0.5], [-0.4, 0.6, 0.2, -0.1]], np.float32)


@pytest.fixture(params=["fast", "stock"])
def lanes(request):
    """Two lanes at the beginning of an episode on their first goal set."""
    fields = shared_memory.layout(1, 2, 1)
    shared = shared_memory.attach(shared_memory.create(fields), fields)
    rows = [(0, 0), (0, 1)]
    lanes = Lanes({"lanes": [0, 1], "tasks": TASKS, "rows": rows, "simulator": {"simulator": request.param}}, shared)
    for row, own in zip(rows, lanes.simulators.values(), strict=True):
        shared["goal_vectors"][row][:, : own.goal_dim] = own.draw_goal_vectors(np.random.RandomState(0))
    assert lanes.reset([0, 1]) == {}
    shared["action"][:] = ACTION
    yield lanes
    mujoco.set_mju_user_warning(None)


def alone(lanes, lane):
    """What a simulator of its own gives for the same step."""
    own = simulator.make(TASKS[lane])
    own.vectors = lanes.shared["goal_vectors"][0, lane]
    own.reset(0)
    return own.step(ACTION[lane])


def assert_steps_as_if_alone(lanes, lane):
    observation, reward, success = alone(lanes, lane)
    np.testing.assert_array_equal(lanes.shared["next_observation"][lane], observation.astype(np.float32))
    assert lanes.shared["reward"][lane] == np.float32(reward)
    assert lanes.shared["success"][lane] == success


def test_lanes_step_as_simulators_do_alone(lanes):
    assert lanes.step() == {}
    for lane in (0, 1):
        assert_steps_as_if_alone(lanes, lane)


def test_an_exception_is_reported_for_its_lane(lanes):
    lanes.simulators[0].environment.evaluate_state = lambda *_: 1 / 0
    failed = lanes.step()
    assert list(failed) == [0]
    assert "ZeroDivisionError" in failed[0]
    assert_steps_as_if_alone(lanes, 1)


def test_a_reward_that_is_not_finite_is_reported_for_its_lane(lanes):
    environment = lanes.simulators[1].environment
    evaluate = environment.evaluate_state
    environment.evaluate_state = lambda *step: (np.nan, evaluate(*step)[1])
    assert lanes.step() == {1: "observation or reward is not finite"}
    assert_steps_as_if_alone(lanes, 0)
