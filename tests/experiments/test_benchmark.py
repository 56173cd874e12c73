"""The benchmark command: its suites run and write the figures that scripts rely on."""

import json
import os

import jax
import method_examples as examples
import numpy as np
import pytest

from cmta_jax.training.seed_axis import for_each_seed
from experiments import benchmark
from experiments.benchmarks import cores, methods, update, vector_contestants, vector_env
from experiments.benchmarks.grid import Cell, method_of, sweep
from experiments.benchmarks.options import Options

TINY = ["--quick", "--benchmark=reach-v3", "--hidden_dim=8", "--batch_per_task=2"]


@pytest.mark.usefixtures("toy_method")
def test_the_update_suite_writes_its_figures(tmp_path, capsys):
    path = tmp_path / "update.json"
    assert benchmark.main(["--suite=update", "--method=mtmhsac", f"--json={path}", *TINY]) == 0
    figures = json.loads(path.read_text())
    assert {"update_ms", "matmul_ms", "flops", "gbyte", "memory_mib", "compile_s", "ratio"} <= figures.keys()
    assert figures["update_ms"] / figures["matmul_ms"] == pytest.approx(figures["ratio"])
    assert "mtmhsac" in capsys.readouterr().out


def test_columns_stand_below_their_names(capsys):
    figures = {"a_name_of_more_than_ten_letters": 1.0, "short": 12345.0, "none": None}
    sweep(None, Options(method=["cmta", "single_task_sac"]), tuple(figures), lambda *_: figures)
    _, header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["method", "benchmark", "seeds", *figures]
    ends = [header.index(f" {name}") + len(name) + 1 for name in header.split()[1:]]
    for row, method in zip(rows, ("cmta", "single_task_sac"), strict=True):
        assert row.startswith(f"{method} ")
        assert [row[:end].split()[-1] for end in ends[:-1]] == ["mt10", "1", "1.00", "12345.00"]


@pytest.mark.usefixtures("toy_method")
def test_an_update_is_measured_as_a_run_would_make_it(monkeypatch):
    seen = []
    monkeypatch.setattr(
        update, "for_each_seed", lambda *_, **options: seen.append(options) or for_each_seed(*_, **options)
    )
    assert benchmark.main(["--suite=update", "--method=mtmhsac", "--matmul_precision=tensorfloat32", *TINY]) == 0
    timed = [options for options in seen if "donate" in options]
    assert timed == [{"donate": ["state"], "precision": "tensorfloat32"}]


@pytest.mark.usefixtures("toy_method")
def test_the_flops_of_an_update_are_those_of_all_seeds_in_the_program_for_a_cpu(monkeypatch):
    options, asked, devices = Options(batch_per_task=2), [], jax.devices
    monkeypatch.setattr(jax, "devices", lambda *kind: asked.append(kind) or devices(*kind))
    one, two = (update.prepare(*method_of(Cell("mtmhsac", "reach-v3", 1), options), options, seeds) for seeds in (1, 2))
    assert asked.count(("cpu",)) == 2
    assert one.flops > 0 and two.flops == pytest.approx(2 * one.flops, rel=0.1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_cores_are_divided_for_as_long_as_something_is_measured(monkeypatch):
    kept_to = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 0, 2})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: kept_to.append(cores))
    with cores.divided(1) as others:
        assert (kept_to, others) == ([[0]], [2, 4])
    assert kept_to == [[0], [0, 2, 4]]
    with pytest.raises(ValueError, match="--learner_cores=3 leaves the simulators none of 3 cores"), cores.divided(3):
        pass
    with cores.divided(0) as others:
        assert (len(kept_to), len(others)) == (2, 0)


@pytest.mark.usefixtures("toy_method")
@pytest.mark.parametrize("methods", [("mtmhsac",), pytest.param(("mtsac", "mtmhsac"), marks=pytest.mark.nightly)])
def test_one_row_for_each_combination(tmp_path, methods):
    path, several = tmp_path / "update.json", [f"--method={','.join(methods)}", "--num_seeds=1,2"]
    assert benchmark.main(["--suite=update", f"--json={path}", *TINY, *several]) == 0
    rows = json.loads(path.read_text())["rows"]
    assert [(row["method"], row["seeds"]) for row in rows] == [(name, seeds) for name in methods for seeds in (1, 2)]
    assert rows[1]["flops"] > 1.9 * rows[0]["flops"]


@pytest.mark.slow
def test_the_train_suite_writes_its_figures(tmp_path):
    path = tmp_path / "train.json"
    assert benchmark.main(["--suite=train", "--learner_cores=1", f"--json={path}", *TINY]) == 0
    assert {"iterations_per_s", "env_steps_per_s", "over_bound"} <= json.loads(path.read_text()).keys()


@pytest.mark.slow
def test_the_checkpoint_suite_writes_its_figures(tmp_path):
    path = tmp_path / "checkpoint.json"
    assert benchmark.main(["--suite=checkpoint", f"--json={path}", *TINY]) == 0
    figures = json.loads(path.read_text())
    assert 0 < figures["stall_s"] <= figures["longest_stall_s"] and figures["folder_gib"] > figures["replay_gib"] > 0


def test_a_vector_environments_learner_works_after_a_step_or_while_it_is_under_way(monkeypatch):
    class Envs:
        num_envs = 2

        def step(self, actions):
            calls.append("step")

        def step_async(self, actions):
            assert actions.shape == (2, 4) and np.abs(actions).max() <= 1
            calls.append("send")

        def step_wait(self):
            calls.append("wait")

    monkeypatch.setattr(vector_contestants, "work", lambda seconds: calls.append(seconds))
    expected = {"alone": ["step"], "between": ["step", 0.005], "during": ["send", 0.005, "wait"]}
    for setting, once in expected.items():
        calls = []
        assert vector_contestants.take_steps(Envs(), 3, 0.005, setting) > 0
        assert calls == 3 * once


def test_the_table_of_vector_environments_compares_with_metaworlds_async(capsys):
    def figures(speed, start_s, memory_gib):
        return {"steps_per_s": speed, "start_s": start_s, "memory_gib": memory_gib}

    slow = figures({"alone": 1000.0, "between": 500.0, "during": 800.0}, 20.0, 3.0)
    fast = figures({"alone": 5000.0, "between": 750.0, "during": 1600.0}, 2.0, 0.75)
    alone = figures({"alone": 900.0, "between": 450.0}, 10.0, 1.0)
    vector_env.print_table({"sync": alone, "async": slow, "fast": fast})
    _, sync, _, _, ratios = capsys.readouterr().out.splitlines()
    assert sync.split() == ["sync", "900", "450", "-", "10", "1"]
    assert ratios.split() == ["fast/async", "5.00x", "1.50x", "2.00x", "10.00x", "4.00x"]


@pytest.mark.slow
def test_the_vector_env_suite_writes_its_figures(tmp_path):
    path = tmp_path / "vector_env.json"
    assert benchmark.main(["--suite=vector_env", "--quick", f"--json={path}"]) == 0
    figures = json.loads(path.read_text())["MT10"]
    assert {"sync", "async", "fast"} <= figures.keys()
    assert figures["fast"]["steps_per_s"]["alone"] > figures["async"]["steps_per_s"]["alone"]


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
        (["--suite=vector_env", "--benchmark=mt25"], "--benchmark=mt25: the suite vector_env measures mt10 and mt50"),
        (["--suite=train", "--learner_cores=4096"], "--learner_cores=4096 leaves the simulators none of"),
        (["--suite=update", "--matmul_precision=bfloat16"], "--matmul_precision=bfloat16 needs a GPU or TPU"),
        (["--suite=update", "--benchmark=mt11"], "'mt11': did you mean 'mt10'?"),
    ],
)
def test_a_command_that_cannot_be_is_refused_with_a_sentence(arguments, said, capsys):
    assert benchmark.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("benchmark: ") and said in error


def test_an_ingredient_of_the_recipe_differs_from_its_row_in_nothing_else():
    rows = [row for row in methods.rows(Options()) if " + " in row]
    assert len(rows) == len(methods.INGREDIENTS) + len(methods.WITHOUT) > 4
    for row in rows:
        with_it, without = methods.settings_of(row)
        ingredient = row.partition(" + ")[2].partition("=")[0]
        differing = {name for name in with_it.keys() | without.keys() if with_it.get(name) != without.get(name)}
        assert differing == {ingredient}, row
    assert methods.settings_of("cmta")[1] is None


def test_a_random_batch_has_what_the_replay_gives_for_a_history():
    method = examples.small("cmta", **{"cmta.memory_history": 2})

    def updated(key):
        batch = update.random_batch(method, examples.SPEC, 5, key)
        return batch, method.update(method.init(key), batch, key)[0]

    batch, new = jax.eval_shape(updated, jax.random.key(0))
    assert new.params and [carry.observation.shape[0] for carry in (batch.carry, batch.next_carry)] == [2, 3]
