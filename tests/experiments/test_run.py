"""The program from its command line to its run folder: on a toy pool, and briefly on Meta-World."""

import errno
import itertools
import os
import re
import resource
import signal
import subprocess
import sys
import time

import jax
import pytest
from jax_settings import CACHE
from toy_runs import MTMHSAC, SHARED, SMALL, Toy, main, numbers, table

from cmta_jax.checkpoint import load_policy, versions
from cmta_jax.environments.pool.faults import TooManyFaults
from cmta_jax.storage.run_folder import RunFolder
from experiments import run
from experiments.command_line import checks
from experiments.command_line.parse import parse
from experiments.training_run import conditions
from experiments.training_run.setup import Plan
from experiments.training_run.signals import Stop, Stopped


class Interrupted(Toy):
    """Gets a signal in the middle of an episode, after an evaluation of two rounds (20 steps each) and before one."""

    interrupt = staticmethod(lambda step: step == 20 + 20 + 5 and os.kill(os.getpid(), signal.SIGTERM))


class NeverMade:
    observation_dim, action_dim = 6, 2

    def __init__(self, *_):
        raise AssertionError("a pool was made")


def test_a_run_leaves_its_whole_folder(whole):
    names = {path.name for path in whole.iterdir()}
    assert names >= {
        "flags.flags", "eval.csv", "train.csv", "final.csv", "run.log", "success.png", "tensorboard", "checkpoints",
    }  # fmt: skip
    assert list((whole / "checkpoints").glob("step-*60.json"))


def test_a_run_is_evaluated_when_it_was_asked_to_be(whole):
    rows = table(whole / "eval.csv")
    expected = [(step, "3", task) for step in ("20", "40", "60") for task in ("reach-v3", "push-v3")]
    assert [(row["step"], row["seed"], row["task"]) for row in rows] == expected
    assert {float(row["success"]) for row in rows} <= {0, 0.5, 1}


def test_the_final_policy_plays_every_goal_set_once(whole):
    rows = table(whole / "final.csv")
    expected = {("3", task, str(goal)) for task in ("reach-v3", "push-v3") for goal in range(10)}
    assert {(row["seed"], row["task"], row["goal_set"]) for row in rows} == expected and len(rows) == 20


def test_the_learners_metrics_are_written_once_it_learns(whole):
    rows = table(whole / "train.csv")
    assert [row["step"] for row in rows] == ["20", "30", "40", "50", "60"]
    assert all(float(row["critic_loss"]) > 0 and float(row["temperature/push-v3"]) > 0 for row in rows)


def test_the_flags_of_a_folder_run_it_again(whole, tmp_path):
    assert run.main([f"--flagfile={whole}/flags.flags", f"--workdir={tmp_path}/again"], Toy) == 0
    assert numbers(tmp_path / "again") == numbers(whole)


def test_a_run_that_is_stopped_and_resumed_is_the_run(whole, tmp_path, capsys):
    assert main(tmp_path / "two", pool=Interrupted) == 143
    assert "stopped and saved" in capsys.readouterr().out
    assert len(table(tmp_path / "two" / "eval.csv")) == 2
    assert run.main([f"--workdir={tmp_path}/two", "--resume"], Toy) == 0
    assert numbers(tmp_path / "two") == numbers(whole)


@pytest.mark.parametrize("jump", [-10, 100_000], ids=["backwards", "by days"])
def test_a_clock_that_moves_changes_no_result(whole, tmp_path, monkeypatch, jump):
    seconds, nanoseconds = itertools.count(2e9, jump), itertools.count(2 * 10**18, jump * 10**9)
    monkeypatch.setattr(time, "time", lambda: next(seconds))
    monkeypatch.setattr(time, "time_ns", lambda: next(nanoseconds))
    assert main(tmp_path / "run") == 0
    monkeypatch.undo()
    assert numbers(tmp_path / "run") == numbers(whole)


def test_the_policies_of_a_run_can_be_shared(whole):
    for name in ("policy", "policy_best"):
        params, metadata = load_policy(whole / f"{name}.safetensors")
        assert metadata["method"] == "cmta" and metadata["seeds"] == [3] and metadata["flags"]["seed"] == "3"
        assert metadata["tasks"] == ["reach-v3", "push-v3"] and params["actor"]
        assert metadata["step"] in {"policy": (60,), "policy_best": (20, 40, 60)}[name]
    values = [float(row["success"]) for row in table(whole / "eval.csv")]
    smoothed = [sum(values[:2]) / 2]
    for first, second in zip(values[2::2], values[3::2], strict=True):
        smoothed.append(0.8 * smoothed[-1] + 0.2 * (first + second) / 2)
    best = max(range(3), key=lambda i: (smoothed[i], i))
    assert metadata["step"] == 20 * (best + 1) and abs(metadata["smoothed_success"] - smoothed[best]) < 1e-9


def test_a_policy_that_cannot_be_written_is_a_warning(whole, tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("experiments.training_run.policy_files.save_policy", full)
    assert main(tmp_path / "full") == 0
    assert "policy.safetensors cannot be written (No space left on device); training goes on" in caplog.text
    assert numbers(tmp_path / "full") == numbers(whole)


def test_a_disk_that_is_full_for_a_while_costs_a_run_nothing(whole, tmp_path, caplog):
    """From step 25 to step 45: a checkpoint, an evaluation and two rows of train.csv. The kernel refuses the bytes."""
    files = ("the checkpoint of step 30", "policy.safetensors", "policy_best.safetensors", "eval.csv", "train.csv")

    def silent():
        """The files of which no warning was given."""
        return [name for name in files if not re.search(f"{name} (could not be saved|cannot be written)", caplog.text)]

    def limit(step):
        if step in (45, 85):
            deadline = time.monotonic() + 20
            while step == 85 and silent() and time.monotonic() < deadline:  # files are written on other threads
                time.sleep(0.01)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100 if step == 45 else -1, -1))

    class Full(Toy):
        interrupt = staticmethod(limit)

    assert main(tmp_path / "full", pool=Full) == 0
    assert not silent()
    assert numbers(tmp_path / "full") == numbers(whole)
    log = (tmp_path / "full" / "run.log").read_text()
    for said in ("step 30 could not be saved", "run.log cannot be written", "run.log is written again"):
        assert log.count(said) == 1, said
    assert [path.name for path in (tmp_path / "full" / "checkpoints").glob("step-*")] == ["step-000000060.json"]


def test_a_run_that_goes_on_with_other_versions_says_so(tmp_path, monkeypatch, caplog):
    assert main(tmp_path, "--steps_per_task=20") == 0
    assert "other versions" not in caplog.text
    monkeypatch.setattr(conditions, "versions", lambda: versions() | {"jax": "9.9"})
    assert main(tmp_path, "--steps_per_task=21", "--resume") == 0
    said = f"continues with other versions, so it is not bit for bit as before: jax {jax.__version__} -> 9.9"
    assert said in caplog.text


def test_a_complete_run_can_be_made_longer(whole, tmp_path):
    assert main(tmp_path / "longer", "--steps_per_task=40") == 0
    assert main(tmp_path / "longer", "--steps_per_task=60", "--resume") == 0
    assert numbers(tmp_path / "longer") == numbers(whole)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(whole, tmp_path):
    class Killed(Toy):
        interrupt = staticmethod(lambda step: step == 55 and 1 / 0)

    with pytest.raises(ZeroDivisionError):
        main(tmp_path / "late", pool=Killed)
    for leftover in (tmp_path / "late" / "checkpoints").glob("step-*"):
        leftover.unlink()
    assert main(tmp_path / "late", "--resume") == 0
    assert numbers(tmp_path / "late") == numbers(whole)


@pytest.mark.usefixtures("toy_method")
def test_seeds_trained_together_have_rows_each(tmp_path):
    flags = "--num_seeds=2", "--goals=fixed", "--copies_per_task=2", "--steps_per_task=20"
    assert main(tmp_path, *flags, method=MTMHSAC) == 0
    assert [(row["seed"], row["task"]) for row in table(tmp_path / "eval.csv")] == [
        ("3", "reach-v3"), ("3", "push-v3"), ("4", "reach-v3"), ("4", "push-v3"),
    ]  # fmt: skip
    assert len(table(tmp_path / "final.csv")) == 4  # one goal set for each seed and task


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--method=cmat"], "error: Unknown method 'cmat': did you mean 'cmta'?"),
        (["--flagfile=mt10_mixd.flags"], "error: Flagfile 'mt10_mixd.flags' is not there"),
        (["--resume"], "error: --resume finds no run in"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_sentence_and_makes_nothing(tmp_path, capsys, arguments, sentence):
    assert main(tmp_path / "none", *arguments, pool=NeverMade) == 2
    said = capsys.readouterr().err
    assert said.startswith(sentence) and said.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_a_folder_in_which_a_run_is_alive_is_refused(tmp_path, capsys):
    with RunFolder(tmp_path, {}):
        for resume in ((), ("--resume",)):
            assert main(tmp_path, *resume, pool=NeverMade) == 2
            assert capsys.readouterr().err.startswith("error: Another process is running in")


def test_a_replay_that_does_not_fit_is_refused_before_anything_starts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("experiments.training_run.setup.free_bytes", lambda device: checks.RESERVE + 10_000)
    assert main(tmp_path / "none", pool=NeverMade) == 2
    said = capsys.readouterr().err
    assert "--replay_capacity=400 needs 0.0 GiB" in said and "give at most" in said
    fitting = int(said.rstrip(".\n").rpartition(" ")[2])
    Plan(parse([*SMALL, f"--replay_capacity={fitting}", "--batch_per_task=2"]), Toy)  # is not refused


def test_simulators_that_fail_for_good_end_the_run_with_their_sentence(tmp_path, capsys):
    class Broken(Toy):
        def receive(self):
            raise TooManyFaults("reach-v3 is beyond repair.")

    assert main(tmp_path, pool=Broken) == 1
    assert capsys.readouterr().err == "error: reach-v3 is beyond repair.\n"


def test_without_a_workdir_runs_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.main([*SMALL, "--steps_per_task=20"], Toy) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_cmta_2_tasks_mixed_seed3")


def test_help_is_printed(capsys):
    assert run.main(["--help"], NeverMade) == 0
    assert "--cmta.num_experts" in capsys.readouterr().out


@pytest.fixture
def hang_up_is_not_ignored():
    """As in a terminal, also where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("first", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGUSR1, 138)]
)
def test_the_first_signal_is_remembered_and_only_ctrl_c_then_ends_the_process(first, status, hang_up_is_not_ignored):
    before = signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        stop.patient = True
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGTERM)  # clusters send it twice
        assert stop.status == status
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


def test_sighup_stays_ignored_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.status == 0 and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_before_the_loop_stops_at_once():
    with pytest.raises(Stopped) as stopped, Stop():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.status == 143


def test_a_short_run_on_meta_world_from_another_folder(tmp_path):
    arguments = [*SHARED, *MTMHSAC, "--horizon=20", "--steps_per_task=40", "--goals=fixed", "--env_workers=1"]
    cache = {"JAX_COMPILATION_CACHE_DIR": str(CACHE), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment = os.environ | cache | {"PYTHONPATH": os.path.dirname(os.path.dirname(run.__file__))}
    command = [sys.executable, "-m", "experiments.run", "--flagfile=quickstart.flags", *arguments, "--workdir=here"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.startswith(f"step {step}/40 | return") for step in (20, 40) for line in lines].count(True) == 2
    assert len(table(tmp_path / "here" / "eval.csv")) == 4
    assert (tmp_path / "here" / "success.png").read_bytes()[:4] == b"\x89PNG"
