"""A run that is interrupted, at whatever moment and by whatever means, and resumed is the run that never was.

Everything is compared bit for bit: tables, and in the last checkpoint the learner, its optimisers, the replay, the
normalisers, and where the simulators are.
"""

import pathlib
import shutil
import signal
import subprocess
import sys
import time

import jax
import killed_run
import numpy as np
import pytest
from checkpoint_example import ENVIRONMENT
from killed_run import mortal
from toy_runs import SMALL, Toy, numbers

from cmta_jax.checkpoint import Checkpointer, load_policy
from cmta_jax.environments import Pool
from experiments import run
from experiments.command_line.parse import parse
from experiments.training_run.setup import Plan

# What an edit by hand makes of flags.flags; what the run was made with is in its checkpoints, too.
EDITS = {
    "another value": lambda text: text.replace("--discount=0.99", "--discount=0.9"),
    "a lost line": lambda text: text.replace("--seed=3\n", ""),
    "another network": lambda text: text.replace("--hidden_dim=16", "--hidden_dim=8"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_run_does_not_go_on_as_another_one_because_its_flags_were_edited(whole, tmp_path, capsys, edit):
    copy = shutil.copytree(whole, tmp_path / "run")
    flags = copy / "flags.flags"
    flags.write_text(EDITS[edit](flags.read_text()))
    before = numbers(copy)
    assert run.main([f"--workdir={copy}", "--resume", "--steps_per_task=70"], Toy) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: The checkpoint in {copy} was made with --") and "put the flags.flags of" in said
    assert numbers(copy) == before


STEPS = ("--steps_per_task=40", "--checkpoint_every=15", "--keep_checkpoints=9")
METHODS = {
    "cmta": (),
    "care": ("--care.encoding_dim=8", "--care.num_experts=2"),
    "mtmhsac": ("--mtmhsac.encoding_dim=8",),
    "single_task_sac": (),
    "tsac": ("--tsac.base=cmta",),
}
# Steps of the simulators. Training takes 1 to 20, the evaluation at 20 takes 21 to 40, training 41 to 60, and so on.
MOMENTS = {
    "in the warm-up": 5,
    "in the middle of an episode": 13,
    "between a checkpoint and an evaluation": 18,
    "as an evaluation begins": 21,
    "in an evaluation": 30,
    "right after an evaluation": 41,
    "between an evaluation and a checkpoint": 47,
    "in the last evaluation": 75,
}


class Killed(BaseException):
    pass


def killed_at(step, pool_class=Toy):
    class Killing(pool_class):
        interrupt = staticmethod(lambda now: _kill() if now == step else None)

    return Killing


def _kill():
    raise Killed


def flags(method, seeds=1):
    shared = [flag for flag in SMALL if not flag.startswith("--cmta.") or method in ("cmta", "tsac")]
    return (*shared, *STEPS, f"--method={method}", f"--num_seeds={seeds}", *METHODS[method])


def main(folder, *arguments, pool=Toy):
    return run.main([*arguments, f"--workdir={folder}"], pool)


def contents(folder, pool_class=Toy):
    """All arrays of the last checkpoint, by name, and all tables."""
    settings = parse([f"--workdir={folder}", "--resume"])
    shapes = Plan(settings, pool_class).state_shapes
    with Checkpointer(folder / "checkpoints", read_only=True) as checkpointer:
        found = checkpointer.restore((shapes.learner, shapes.rollout), shapes.replay)
    assert found.step == settings.training.steps_per_task
    leaves, _ = jax.tree_util.tree_flatten_with_path((found.state, found.replay, found.pool))
    arrays = {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}
    for name in ("policy", "policy_best"):
        params, metadata = load_policy(folder / f"{name}.safetensors")
        arrays[name, "step"] = np.asarray(metadata["step"])
        arrays |= {(name, jax.tree_util.keystr(path)): leaf for path, leaf in jax.tree.leaves_with_path(params)}
    return numbers(folder) | {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}


def assert_same(folder, other, **options):
    one, two = contents(folder, **options), contents(other, **options)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def check_interruptions(tmp_path, method, seeds, moments):
    assert main(tmp_path / "whole", *flags(method, seeds)) == 0
    for moment in moments:
        folder = tmp_path / str(moment)
        with pytest.raises(Killed):
            main(folder, *flags(method, seeds), pool=killed_at(moment))
        assert main(folder, *flags(method, seeds), "--resume") == 0
        assert_same(folder, tmp_path / "whole")


def test_a_run_that_breaks_off_again_and_again_is_the_run(tmp_path):
    assert main(tmp_path / "whole", *flags("cmta")) == 0
    resume = ()
    for moment in (18, 30):
        with pytest.raises(Killed):
            main(tmp_path / "broken", *flags("cmta"), *resume, pool=killed_at(moment))
        resume = ("--resume",)
    assert main(tmp_path / "broken", "--resume") == 0
    assert_same(tmp_path / "broken", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_may_break_off_at_every_moment(tmp_path, method, seeds):
    check_interruptions(tmp_path, method, seeds, MOMENTS.values())


@pytest.mark.parametrize("moments", [(25,), pytest.param((35, 65), marks=pytest.mark.slow)])
def test_a_signal_in_an_evaluation_postpones_it(tmp_path, moments):
    """The run is saved after the episode, and the evaluation, but for one at its last, is made when it goes on."""
    assert main(tmp_path / "whole", *flags("cmta")) == 0
    for moment in moments:
        folder = tmp_path / str(moment)
        assert main(folder, *flags("cmta"), pool=mortal(Toy, signal.SIGTERM, moment)) == 143
        evaluated = (folder / "eval.csv").read_text().count("\n")
        assert evaluated == {25: 1, 35: 3, 65: 3}[moment]
        assert main(folder, "--resume") == 0
        assert_same(folder, tmp_path / "whole")


def killed(kind, number, step, folder, *arguments):
    """Runs a process that gets a signal at a step of its simulators; returns its status."""
    script = str(pathlib.Path(killed_run.__file__))
    command = [sys.executable, script, kind, number, str(step), *arguments, f"--workdir={folder}"]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("method", "seeds", "step"),
    [("mtmhsac", 1, 47), *(pytest.param(*case, marks=pytest.mark.slow) for case in (("cmta", 2, 18), ("tsac", 1, 41)))],
)
@pytest.mark.usefixtures("toy_method")
def test_a_killed_process_may_be_resumed(tmp_path, method, seeds, step):
    ended = killed("toy", "SIGKILL", step, tmp_path / "killed", *flags(method, seeds))
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [*tmp_path.glob("killed/checkpoints/step-*.json")]
    assert main(tmp_path / "killed", "--resume") == 0
    assert main(tmp_path / "whole", *flags(method, seeds)) == 0
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [("SIGKILL", -9), ("SIGTERM", 143)])
def test_a_run_on_meta_world_may_be_interrupted_in_the_middle_of_an_episode(tmp_path, number, status):
    arguments = (*flags("cmta"), "--horizon=20", "--env_workers=2")
    ended = killed("metaworld", number, 20 + 2 * 20 + 7, tmp_path / "cut", *arguments)
    assert ended.returncode == status, ended.stderr
    assert main(tmp_path / "cut", "--resume", "--env_workers=1", pool=Pool) == 0
    assert main(tmp_path / "whole", *arguments, pool=Pool) == 0
    assert_same(tmp_path / "cut", tmp_path / "whole", pool_class=Pool)


@pytest.mark.slow
def test_thirty_seconds_after_sigterm_are_enough(tmp_path):
    """Clusters kill what has not ended then. The signal comes in an evaluation of 30,000 steps, a minute or more."""
    began = time.monotonic()
    arguments = (*flags("cmta"), "--eval_episodes=3000", "--hidden_dim=512", "--hidden_layers=3")
    script = str(pathlib.Path(killed_run.__file__))
    command = [sys.executable, script, "toy", "SIGTERM", "60", *arguments, f"--workdir={tmp_path}/run"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "first update" in line:
                began = time.monotonic()
    assert process.returncode == 143 and time.monotonic() - began < 30
    assert list((tmp_path / "run" / "checkpoints").glob("step-*20.json"))
