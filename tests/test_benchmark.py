"""The benchmark command: its suites run and write the figures that scripts rely on."""

import json

import pytest

from experiments import benchmark

TINY = ["--quick", "--benchmark=reach-v3", "--hidden_dim=8", "--batch_per_task=2"]


def test_the_update_suite_writes_its_figures(tmp_path, capsys):
    path = tmp_path / "update.json"
    assert benchmark.main(["--suite=update", f"--json={path}", *TINY]) == 0
    figures = json.loads(path.read_text())
    assert {"update_ms", "matmul_ms", "flops", "compile_s", "ratio"} <= figures.keys()
    assert figures["update_ms"] / figures["matmul_ms"] == pytest.approx(figures["ratio"])
    assert "cmta" in capsys.readouterr().out


def test_one_row_for_each_combination(tmp_path):
    path = tmp_path / "update.json"
    assert benchmark.main(["--suite=update", f"--json={path}", *TINY, "--method=mtsac,mtmhsac", "--num_seeds=1,2"]) == 0
    rows = json.loads(path.read_text())["rows"]
    assert [(row["method"], row["seeds"]) for row in rows] == [
        ("mtsac", 1), ("mtsac", 2), ("mtmhsac", 1), ("mtmhsac", 2)
    ]  # fmt: skip
    assert rows[1]["flops"] > 1.9 * rows[0]["flops"]


@pytest.mark.slow
def test_the_train_suite_writes_its_figures(tmp_path):
    path = tmp_path / "train.json"
    assert benchmark.main(["--suite=train", f"--json={path}", *TINY]) == 0
    assert {"iterations_per_s", "env_steps_per_s", "over_bound"} <= json.loads(path.read_text()).keys()


@pytest.mark.slow
def test_the_checkpoint_suite_writes_its_figures(tmp_path):
    path = tmp_path / "checkpoint.json"
    assert benchmark.main(["--suite=checkpoint", f"--json={path}", *TINY]) == 0
    figures = json.loads(path.read_text())
    assert 0 < figures["stall_s"] <= figures["longest_stall_s"] and figures["folder_gib"] > figures["replay_gib"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one of the suites"),
        (["--suite=speed"], "--suite=speed: value should be one of"),
        (["--suite=update", "--num_seeds=1,x"], "--num_seeds=1,x: give numbers such as 1,4"),
        *(
            (["--suite=update", f"--{name}="], f"--{name}= names nothing")
            for name in ("method", "benchmark", "num_seeds")
        ),
        (["--suite=update", "--num_seeds=0"], "--num_seeds=0: give numbers such as 1,4"),
        (["--suite=update", "--benchmark=mt11"], "'mt11': did you mean 'mt10'?"),
    ],
)
def test_a_command_that_cannot_be_is_refused_with_a_sentence(arguments, said, capsys):
    assert benchmark.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("benchmark: ") and said in error
