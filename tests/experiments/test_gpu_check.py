"""The first minutes with a GPU: what is run, what is kept when a step fails, how times are compared."""

import json
import subprocess

import jax
import pytest

from experiments import benchmark
from experiments.benchmarks import gpu_check
from experiments.benchmarks.gpu_target import TARGETS


class Gpu:
    platform, device_kind = "gpu", "NVIDIA H200"


def test_the_targets_are_the_flag_s():
    assert {*benchmark.TARGETS} == {*TARGETS}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv(gpu_check.RESERVE, "true")


def test_without_a_gpu_it_says_so(capsys):
    assert benchmark.main(["--suite=gpu_check"]) == 2
    assert "--suite=gpu_check needs a GPU, and JAX sees cpu" in capsys.readouterr().err


def test_a_step_that_fails_leaves_the_others_and_everything_is_in_one_file(monkeypatch, tmp_path, capsys):
    """An update takes 3 ms a seed, and the program 2 ms at the least; iterations time out."""
    commands, caches = [], set()

    def run(command, *, env, **_):
        commands.append(command)
        caches.add(env["JAX_COMPILATION_CACHE_DIR"])
        flags = dict(one[2:].split("=") for one in command if one.startswith("--") and "=" in one)
        if flags.get("suite") == "train":
            raise subprocess.TimeoutExpired(command, 1, output="half of it")
        figures = {"update": {"update_ms": 3.0}, "gpu_program": {"bound_ms": 2.0}}.get(flags.get("suite"))
        if figures:
            rows = [{"seeds": seeds, **{name: seeds * value for name, value in figures.items()}} for seeds in (1, 8)]
            with open(flags["json"], "w") as file:
                json.dump({"rows": rows}, file)
        return subprocess.CompletedProcess(command, 0 if figures else 1, "said", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(jax, "devices", lambda: [Gpu()])
    path = tmp_path / "check.json"
    assert benchmark.main(["--suite=gpu_check", f"--json={path}"]) == 0
    found = json.loads(path.read_text())
    assert len(caches) == 1, "what one step tries out, the next need not"
    assert (found["device"], found["target"], len(commands)) == ("NVIDIA H200", "h200", 10)
    assert [result["status"] for result in found["steps"].values()] == [0] * 3 + [-1] * 3 + [1] + [0] * 3
    assert found["comparison"][-1] == {
        "precision": "tensorfloat32", "activations": "bfloat16", "seeds": 8,
        "update_ms": 24.0, "program_ms": 16.0, "over_program": 1.5,
    }  # fmt: skip
    assert "train, float32, activations float32: FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "target"), [("NVIDIA A100-SXM4-40GB", "a100"), ("NVIDIA L4", "h100")])
def test_the_nearest_target_is_found_by_name(kind, target):
    assert gpu_check.nearest(kind) == target


def test_the_tests_to_run_exist():
    assert all((gpu_check.ROOT / test).exists() for test in gpu_check.TESTS)
