"""The fast simulator gives the stock one's numbers, to the last bit, for every task."""

import importlib.util
import math
import os
import pickle
import platform
import subprocess
import sys

import numpy as np
import pytest
import scipy
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from stepping import assert_same_episode, compile_models_once, expert_actions, pair, random_actions

from cmta_jax.environments import MT10, MT50
from cmta_jax.environments.simulator import caging_reward, fast, fast_math
from cmta_jax.environments.simulator.accelerated_class import derive

pytestmark = pytest.mark.filterwarnings("ignore:Constant:UserWarning")  # scripted policies ask for large forces


@pytest.fixture(scope="module", autouse=True)
def models_compiled_once():
    with pytest.MonkeyPatch.context() as patch:
        compile_models_once(patch)
        yield


# MT10 has every kind of mechanism; of the other tasks, one that puts a ring on a peg and one that holds a tool.
DIFFERENT = (*MT10, "assembly-v3", "stick-push-v3")
REST = [pytest.param(task, marks=pytest.mark.nightly) for task in MT50 if task not in DIFFERENT]


@pytest.mark.parametrize("task", [*DIFFERENT, *REST])
def test_a_few_steps_are_equal(task):
    stock, fast = pair(task)
    assert_same_episode(stock, fast, 3, expert_actions(task), steps=12)
    assert_same_episode(stock, fast, 8, random_actions(task), steps=4)
    assert fast._physics.is_current  # stepped in the short way
    assert_same_episode(stock, fast, 3, random_actions(task), steps=4)  # a reset restored, after another goal set
    stock.environment.reward_function_version = fast.environment.reward_function_version = "v1"
    assert_same_episode(stock, fast, 5, expert_actions(task), steps=12)


@pytest.mark.slow
@pytest.mark.parametrize("reward_version", ["v2", "v1"])
@pytest.mark.parametrize("task", MT50)
def test_whole_episodes_are_equal(task, reward_version):
    stock, fast = pair(task, reward_version, seed=1)
    for goal_set in (0, 17, 0, 49):
        for policy in (random_actions(task, goal_set), expert_actions(task, goal_set)):
            assert_same_episode(stock, fast, goal_set, policy, steps=150)


@pytest.mark.slow
@pytest.mark.parametrize("task", MT50)
def test_every_reset_is_equal(task):
    stock, fast = pair(task, seed=2)
    for goal_set in range(50):
        assert_same_episode(stock, fast, goal_set, random_actions(task), steps=2)


@pytest.mark.parametrize(("task", "steps"), [("bin-picking-v3", 110), ("hand-insert-v3", 70), ("lever-pull-v3", 70)])
def test_v2_success_under_v1_rewards_is_that_of_an_environment_of_its_own(task, steps):
    (both, fast_both), (v2, _), (v1, _) = pair(task, "v1"), pair(task, "v2"), pair(task, "v1", "reward")
    policy = expert_actions(task)
    observation = both.reset(1)
    for simulator in (fast_both, v2, v1):
        simulator.reset(1)
    disagreements = 0
    for _ in range(steps):
        action = policy(observation)
        observation, reward, success = both.step(action)
        assert (reward, success) == fast_both.step(action)[1:]
        assert success == v2.step(action)[2]
        assert reward == v1.step(action)[1]
        disagreements += success != bool(v1.info["success"])
    assert disagreements > 0  # the two definitions do differ


@pytest.mark.parametrize("dot", [fast_math.dot, np.dot], ids=["this machine's", "numpy's"])
def test_norms_are_numpys_with_either_dot_product(dot, monkeypatch):
    monkeypatch.setattr(fast_math, "dot", dot)
    generator = np.random.default_rng(0)
    assert fast_math.norm(np.zeros(0)) == 0
    for size in (1, 2, 3, 4, 7):
        for vector in generator.normal(size=(200, size)):
            others = vector.astype(np.float32), vector.astype(">f8"), np.float64(vector[0]), np.tile(vector, 2)[::2]
            for x in (vector, *others):
                ours, theirs = fast_math.norm(x), np.linalg.norm(x)
                assert ours == theirs and type(ours) is type(theirs)
    with pytest.raises(ValueError):
        fast_math.norm(np.zeros((2, 2, 2)), 3)


def test_norms_of_unpickled_vectors_are_fast_too(monkeypatch):
    vector = pickle.loads(pickle.dumps(np.arange(3.0)))  # as goal sets are: its dtype is not the one of other arrays
    expected = np.linalg.norm(vector)
    monkeypatch.setattr(np.linalg, "norm", None)
    assert fast_math.norm(vector) == expected


def test_tolerances_are_meta_worlds():
    generator = np.random.default_rng(1)
    stock = fast_math.stock_reward_utils.tolerance
    for x, lower, width, margin in generator.uniform(-0.2, 0.5, size=(500, 4)):
        for sigmoid in ("long_tail", "gaussian", "linear"):
            for value in (x, np.float64(x), np.float32(x)):
                arguments = (value, (lower, lower + abs(width)), abs(margin), sigmoid)
                assert fast_math.tolerance(*arguments) == stock(*arguments)
    for wrong in ((0.0, (1.0, 0.0)), (0.0, (0.0, 1.0), -1.0)):
        with pytest.raises(ValueError):
            fast_math.tolerance(*wrong)


def test_quaternions_are_scipys():
    turns = [np.eye(3)[list(order)] for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]  # ties between diagonal and trace
    half_turns = [np.diag(signs) for signs in ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0))]
    random = fast_math.StockRotation.from_quat(np.random.default_rng(2).normal(size=(500, 4))).as_matrix()
    for matrix in (*turns, *half_turns, *random):
        expected = fast_math.StockRotation.from_matrix(matrix).as_quat()
        np.testing.assert_array_equal(fast_math.quaternion(matrix), expected)


def test_a_caging_reward_that_was_changed_is_used_as_it_is(monkeypatch):
    written = derive(ALL_V3_ENVIRONMENTS["push-v3"])._gripper_caging_reward
    assert written is caging_reward.gripper_caging_reward
    monkeypatch.setattr(caging_reward, "_WRITTEN_FROM", "another source")
    official = derive(ALL_V3_ENVIRONMENTS["push-v3"])._gripper_caging_reward
    assert official.__code__ is SawyerXYZEnv._gripper_caging_reward.__code__


def test_a_dot_product_is_used_only_where_it_equals_numpys():
    def equal(x, y):
        return float(x.dot(y))

    def exact(x, y):  # rounded once, not after every addition
        return math.fsum((x * y).tolist())

    def differs_at_one_length(x, y):
        return float(x.dot(y)) * (1 + (len(x) == 6) * 2**-52)

    assert fast_math.exact_dot(equal) is equal
    assert fast_math.exact_dot(exact) is np.dot
    assert fast_math.exact_dot(differs_at_one_length) is np.dot


def imported_anew():
    """`fast_math` as a process would find it whose libraries are those of now."""
    spec = importlib.util.find_spec(fast_math.__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_differs_on_this_machine_is_not_used(monkeypatch):
    """Decided at each import: another processor or another library may round differently."""
    dot, rotation = scipy.linalg.blas.ddot, scipy.spatial.transform.Rotation

    class Rounded:
        from_quat = rotation.from_quat

        def __init__(self, matrix):
            self.as_quat = lambda: rotation.from_matrix(matrix).as_quat() * (1 + 2**-52)

        from_matrix = classmethod(lambda cls, matrix: cls(matrix))

    monkeypatch.setattr(scipy.linalg.blas, "ddot", lambda x, y: dot(x, y) * (1 + 2**-52))
    monkeypatch.setattr(scipy.spatial.transform, "Rotation", Rounded)
    other = imported_anew()
    assert other.dot is np.dot and "Rotation" not in other.GLOBALS


@pytest.mark.parametrize("task", ["push-v3", "peg-insert-side-v3"])
def test_steps_are_equal_with_numpys_dot_product_too(task, monkeypatch):
    for module in (fast_math, caging_reward, fast):
        monkeypatch.setattr(module, "dot", np.dot)
    assert_same_episode(*pair(task), 3, expert_actions(task), steps=12)


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are names of x86 processors")
@pytest.mark.parametrize("processor", ["Prescott", "Sandybridge", "Haswell"])
def test_steps_are_equal_with_the_dot_products_of_other_processors(processor):
    code = "from stepping import *; assert_same_episode(*pair('push-v3'), 3, expert_actions('push-v3'), steps=40)"
    environment = {**os.environ, "OPENBLAS_CORETYPE": processor, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, check=True)
