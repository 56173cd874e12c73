"""What a GPU would be given to do: the reader of HLO text, and the compilation for a GPU where its plugin is there."""

import json
import pathlib

import jax
import method_examples as examples
import pytest

from cmta_jax import methods
from cmta_jax.config import TrainingConfig
from cmta_jax.random_keys import random_key
from experiments import benchmark
from experiments.benchmarks import gpu_program, gpu_target, hlo_launches, hlo_text

SMALL = pathlib.Path(__file__).parents[1] / "support" / "small_program.hlo"
OTHERS = sorted(gpu_target.TARGETS.keys() - {"h100"})
PLUGIN = gpu_target.plugin()
needs_plugin = pytest.mark.skipif(not PLUGIN, reason="needs JAX's CUDA plugin: pip install 'jax[cuda12]'")


def launches(text=None):
    return {one.name: one for one in hlo_launches.launches(hlo_text.parse(text or SMALL.read_text()))}


def test_a_launch_is_what_the_device_is_given_to_do():
    assert [(one.name, one.kind, one.times) for one in launches().values()] == [
        ("loop_gather_fusion", "gather", 1),
        ("copy.9", "copy", 1),
        ("stored.9", "scatter", 1),
        ("gemm", "product", 1),
        ("cublas", "product", 1),
        ("sums.9", "reduction", 1),
        ("twice", "add", 5),
    ]


def test_of_a_ring_the_rows_count_that_are_read_or_written():
    rows, numbers = 8 * 64 * 4, 8 * 4
    found = launches()
    assert found["loop_gather_fusion"][2:4] == (rows + numbers, rows)
    assert found["stored.9"][2:4] == (rows + numbers, rows)
    assert found["copy.9"][2:4] == (rows, rows)
    assert found["twice"][2:4] == (8 * 4, 8 * 4)


def test_of_chosen_rows_the_part_counts_that_is_needed():
    whole = "ROOT %found = f32[8,64]{1,0} bitcast(%gather.1)"
    text = SMALL.read_text()
    assert whole in text
    part = text.replace(whole, "ROOT %found = f32[8,1,16]{2,1,0} slice(%gather.1), slice={[0:8], [0:1], [0:16]}")
    assert launches(part)["loop_gather_fusion"].bytes_read == 8 * 16 * 4 + 8 * 4


def test_a_product_has_flops_and_lends_no_bytes_to_its_library():
    found, inputs = launches(), (8 * 64 + 64 * 16) * 4
    assert found["gemm"][2:6] == (inputs, 8 * 16 * (4 + 2), 2 * 8 * 64 * 16, 0)
    assert found["cublas"][2:6] == (inputs, 8 * 16 * 4, 2 * 8 * 64 * 16, 0)
    assert found["sums.9"].flops == 0


def test_the_source_is_the_innermost_line_that_is_in_no_package():
    assert launches()["gemm"].source == "networks/mlp.py:35 jit(small)/Dense_0/dot_general"
    assert launches()["loop_gather_fusion"].source == "runs/train.py:3 jit(small)/sample/gather"


def test_a_text_without_an_entry_is_refused():
    with pytest.raises(ValueError, match="no ENTRY"):
        hlo_text.parse("HloModule jit_small")


class Executable:
    """What `gpu_program.figures` reads of a compiled program."""

    temp_size_in_bytes, argument_size_in_bytes = 3 * 2**20, 5 * 2**20

    def as_text(self):
        return SMALL.read_text()

    def memory_analysis(self):
        return self


def test_the_bound_is_the_longest_of_bytes_products_and_launches():
    slow = gpu_target.Target("slow", 1e6, {"float32": 1e12, "bfloat16": 1e6}, {})
    found = gpu_program.figures(Executable(), slow, "float32")
    moved = sum(one.times * (one.bytes_read + one.bytes_written) for one in launches().values())
    assert found["gbyte"] * 1e9 == pytest.approx(moved) and found["bound_ms"] == pytest.approx(moved / 1e3)
    assert found["launches"] == 11 and found["launches_by_kind"]["product"] == 2 and found["temporary_mib"] == 3
    products = gpu_program.figures(Executable(), slow, "bfloat16")
    assert products["flops_ms"] == pytest.approx(2 * 16.384) and products["bound_ms"] > 2 * 16.384
    fast = gpu_target.Target("fast", 1e15, {"float32": 1e15, "bfloat16": 1e15}, {})
    assert gpu_program.figures(Executable(), fast, "float32")["bound_ms"] == pytest.approx(11 * 1.5e-3)


def test_without_the_plugin_the_suite_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(gpu_target, "plugin", lambda: None)
    gpu_target.load_plugin.cache_clear()
    assert benchmark.main(["--suite=gpu_program"]) == 2
    assert "needs JAX's CUDA plugin, which compiles without a GPU: pip install" in capsys.readouterr().err


def test_products_of_16_bits_have_a_peak_of_their_own():
    text = SMALL.read_text().replace("(left.2: f32[", "(left.2: bf16[").replace("%left.2 = f32[", "%left.2 = bf16[")
    found = {one.name: one for one in hlo_launches.launches(hlo_text.parse(text))}
    assert (found["gemm"].flops, found["gemm"].narrow_flops, found["cublas"].narrow_flops) == (16384, 16384, 0)
    executable = Executable()
    executable.as_text = lambda: text
    target = gpu_target.Target("", 1e15, {"float32": 16384e3, "bfloat16": 16384e6}, {})
    assert gpu_program.figures(executable, target, "float32")["flops_ms"] == pytest.approx(1 + 1e-3)


@needs_plugin
@pytest.mark.parametrize(
    ("name", "target"), [*((name, "h100") for name in examples.VARIANTS), *(("cmta", name) for name in OTHERS)]
)
def test_every_method_compiles_for_the_target(name, target):
    config = TrainingConfig(num_seeds=2, matmul_precision="tensorfloat32", replay_capacity=100)
    devices = gpu_target.devices_of(gpu_target.TARGETS[target])
    found = gpu_target.programs(examples.small(name), examples.SPEC, config, examples.ROWS, devices)
    assert set(found) == set(gpu_program.PROGRAMS) and set(methods.METHODS) <= set(examples.VARIANTS)
    for lowerable in found.values():
        compiled = gpu_target.compiled(lowerable)
        assert hlo_launches.launches(hlo_text.parse(compiled.as_text()))


@needs_plugin
def test_the_suite_writes_its_figures(tmp_path, capsys):
    path, sizes = tmp_path / "program.json", ["--hidden_dim=64", "--batch_per_task=32", "--benchmark=reach-v3"]
    assert benchmark.main(["--suite=gpu_program", "--method=mtsac", f"--json={path}", *sizes]) == 0
    figures = json.loads(path.read_text())
    assert figures["device"] == gpu_target.TARGETS["h100"].name
    learn, observe, act = figures["rows"]
    assert [row["program"] for row in figures["rows"]] == ["learn", "observe", "act"]
    assert learn["launches"] > observe["launches"] > act["launches"] > 0
    assert "nothing is run" in capsys.readouterr().out


def test_critics_are_one_product_except_on_a_cpu_whatever_this_machine_is():
    method = examples.small("mtsac")
    shapes = jax.eval_shape(method.init, random_key(0))
    traced = jax.jit(method.update).trace(shapes, examples.random_batch(0, method), random_key(0))
    in_turn, at_once = (
        traced.lower(lowering_platforms=(platform,)).as_text().count("dot_general") for platform in ("cpu", "cuda")
    )
    passes = 3 + 2 + 1  # forward; gradients of inputs; of kernels. The critics' loss asks for none of the first inputs
    assert in_turn - at_once == 2 * passes - 1  # two layers
