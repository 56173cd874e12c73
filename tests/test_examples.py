"""The examples run, and do what they say."""

import importlib.util
import pathlib

import numpy as np
import pytest
from tiny_runs import CMTA, Toy, policy_file

from cmta_jax.environments import Pool

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"act", "pool"}


def test_a_policy_acts_in_an_episode(tmp_path):
    class Solved(Toy):
        """The first task is solved in the third step, and only then."""

        def receive(self):
            step = super().receive()
            return step._replace(success=np.array([self._steps == 3, False]))

    path = policy_file(tmp_path / "policy.safetensors", "--num_seeds=2", *CMTA)
    assert example("act").main(path, Solved) == 0.5


@pytest.mark.parametrize("pool_class", [Toy, pytest.param(Pool, marks=pytest.mark.slow)])
def test_a_method_learns_from_a_step_of_a_pool(pool_class):
    metrics = example("pool").main(pool_class)
    assert metrics["temperature"].shape == (2,) and all(np.isfinite(value).all() for value in metrics.values())
    assert metrics["critic_loss"] > 0
