"""The examples run, and do what they say."""

import ast
import importlib.util
import pathlib

import jax
import numpy as np
import pytest
from comparing import close
from PIL import Image
from stepping import compile_models_once
from toy_runs import CMTA, MTMHSAC, MetaWorldSized, Toy, policy_file, untrained

import cmta_jax
from cmta_jax.environments import Pool, rendering
from experiments.policies.recording import record

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"act", "first_look", "pool", "sac"}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_needs_nothing_but_the_public_interface(path):
    tree = ast.parse(path.read_text())
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)]
    for node in documented:
        node.body = node.body[bool(ast.get_docstring(node)) :]
    lines = {line for node in ast.walk(tree) if hasattr(node, "lineno") for line in (node.lineno, node.end_lineno)}
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    drawing = {"PIL.Image", "matplotlib.pyplot"}
    assert {*imported} <= {"cmta_jax", "gymnasium", "jax", "numpy", "sys", *drawing} and len(lines) <= 25


def test_the_public_interface_is_what_it_says():
    for name in cmta_jax.__all__:
        assert getattr(cmta_jax, name) is not None and name in dir(cmta_jax)
    with pytest.raises(AttributeError, match="'cmta_jax' has no attribute 'nothing'"):
        _ = cmta_jax.nothing


def test_a_policy_acts_in_an_episode(tmp_path):
    class Solved(Toy):
        """The first task is solved in the third step, and only then."""

        def receive(self):
            step = super().receive()
            return step._replace(success=np.array([self._steps == 3, False]))

    path = policy_file(tmp_path / "policy.safetensors", "--num_seeds=2", *CMTA)
    assert example("act").main(path, Solved) == 0.5


@pytest.mark.filterwarnings("ignore")  # of metaworld's observation spaces, and of contexts that are freed at the end
def test_the_first_look_is_a_film_and_a_picture_of_the_attention(tmp_path, monkeypatch):
    try:
        rendering.find_backend()
    except ValueError as error:
        pytest.skip(str(error))
    monkeypatch.chdir(tmp_path)
    policy = policy_file(tmp_path / "policy", "--benchmark=reach-v3", *CMTA, pool=MetaWorldSized)
    example("first_look").main(policy, size=64)
    assert Image.open("first_look.gif").size == (64, 64) and Image.open("first_look.png").width > 64


def test_the_attention_is_that_of_a_recording():
    """Step by step, with the memory that acting carries on; a recording is what films and figures show."""
    trained = untrained("--num_seeds=2", *CMTA)
    recording = record(trained, Toy(trained.settings.environment, trained.seeds), np.full((2, 2), 4))
    pool, carry, found = Toy(trained.settings.environment, trained.seeds), trained.begin(), []
    observation, first = pool.reset(goal_sets=np.full(4, 4)), np.ones(4, bool)
    for _ in range(trained.spec.horizon):
        found.append(trained.attention(carry, observation, first))
        action, carry = trained.act(carry, observation, first)
        pool.send(action)
        step = pool.receive()
        observation, first = step.observation, step.first
    close(np.reshape(found, recording.attention.shape), recording.attention, rtol=1e-4)


def test_a_method_without_experts_has_no_attention():
    trained = untrained(*MTMHSAC)
    with pytest.raises(ValueError, match="untrained is no policy with experts: give one of CMTA, CARE or TSAC"):
        trained.attention(trained.begin(), np.zeros((2, 6)), np.ones(2, bool))


def test_a_policy_acts_with_its_memory(tmp_path):
    """The actions are those of a recording, which the protocols are tested against."""
    sent = []

    class Heard(Toy):
        def reset(self, goal_sets=None):
            return super().reset(goal_sets=np.full(2, 4))

        def send(self, action):
            sent.append(action)
            super().send(action)

    example("act").main(policy_file(tmp_path / "policy.safetensors", *CMTA), Heard)
    trained = untrained(*CMTA)
    recording = record(trained, Toy(trained.settings.environment, trained.seeds), np.full((1, 2), 4))
    close(np.stack(sent), recording.action[:, 0], rtol=1e-4)


@pytest.fixture
def built_once(monkeypatch):
    """What an example builds again is the method that it built first, all of it compiled."""
    built = []

    def build(*arguments, original=cmta_jax.build_method):
        if not built:
            method = original(*arguments)
            built.append(method._replace(init=jax.jit(method.init), act=jax.jit(method.act)))
        return built[0]

    monkeypatch.setattr(cmta_jax, "build_method", build, raising=False)


@pytest.mark.usefixtures("built_once")
@pytest.mark.parametrize("pool_class", [Toy, pytest.param(Pool, marks=pytest.mark.slow)])
def test_a_method_learns_from_a_step_of_a_pool(pool_class):
    metrics = example("pool").main(pool_class)
    assert metrics["temperature"].shape == (2,) and all(np.isfinite(value).all() for value in metrics.values())
    assert metrics["critic_loss"] > 0


def test_the_batch_is_what_the_pool_was_told_and_said(monkeypatch):
    module, batches, steps = example("pool"), [], []

    class Kept(Toy):
        def receive(self):
            steps.append(super().receive())
            return steps[-1]

    def update(state, batch, key):
        batches.append(batch)
        return state, {}

    def build(*arguments, original=cmta_jax.build_method):
        return original(*arguments)._replace(update=update)

    monkeypatch.setattr(cmta_jax, "build_method", build, raising=False)
    compiled = module.jax.jit
    monkeypatch.setattr(module.jax, "jit", lambda function: function if function is update else compiled(function))
    module.main(Kept)
    (batch,), (step,) = batches, steps
    for name in ("next_observation", "reward", "discount", "success"):
        told = np.asarray(getattr(batch, name))
        np.testing.assert_array_equal(told, getattr(step, name).reshape(told.shape), err_msg=name)
    assert not np.array_equal(batch.observation, batch.next_observation)


@pytest.mark.usefixtures("built_once")
@pytest.mark.filterwarnings("ignore")  # of metaworld's observation spaces
def test_soft_actor_critic_gets_the_same_rewards_from_metaworlds_environments_and_from_ours(monkeypatch):
    compile_models_once(monkeypatch)
    settings = {"width": 8, "envs_list": ["reach-v3", "push-v3"], "max_episode_steps": 4}
    ours = example("sac").main("cmta_jax:Meta-World-Fast/custom-mt-envs", 10, **settings)
    theirs = example("sac").main("metaworld:Meta-World/custom-mt-envs", 10, vector_strategy="sync", **settings)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.shape == (10, 2) and ours.std() > 0
