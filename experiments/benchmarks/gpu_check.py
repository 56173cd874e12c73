"""The benchmark suite `gpu_check`: the first ten minutes with a GPU, in one command and one file.

In this order, each in a process of its own, so that one that fails leaves the others: an update and an iteration
with 1 and 8 seeds of MT10, in float32, in tensorfloat32 and with activations in bfloat16; the tests that compare
numbers, on the GPU; what the compiled programs take at the least (`gpu_program`, which needs no GPU and is therefore
the last). The file is written after each step.
`over_program` is the time of an update over its `bound_ms` for the nearest known GPU.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from experiments.benchmarks.gpu_target import TARGETS
from experiments.benchmarks.options import Options

ROOT = pathlib.Path(__file__).parents[2]
SETTINGS = (  # matrix products, activations
    ("float32", "float32"),
    ("tensorfloat32", "float32"),
    ("tensorfloat32", "bfloat16"),
)
SUITES = ("update", "train", "gpu_program")
TESTS = ("tests/networks", "tests/training/test_replay.py", "tests/training/test_divergence.py",
         "tests/methods/test_activation_dtype.py", "tests/methods/test_methods.py",
         "tests/methods/test_reference_cmta.py")  # fmt: skip
RESERVE = "XLA_PYTHON_CLIENT_PREALLOCATE"  # whether JAX reserves most of a GPU's memory at once
SECONDS = 240  # that a step may take


class Step(NamedTuple):
    """A command, and the file that it writes its figures to."""

    name: str
    command: list[str]
    figures: pathlib.Path | None


def run(json_path: str | None, options: Options) -> dict[str, Any]:
    """Runs every step, prints a line for each, and writes the file after each.

    Args:
        json_path: the file; None for `gpu_check.json` in the working directory.
        options: with `quick` fewer repetitions of an update, too.

    Raises:
        ValueError: JAX sees no GPU.
    """
    os.environ[RESERVE] = "false"  # this process computes nothing
    device = jax.devices()[0]
    if device.platform != "gpu":
        raise ValueError(
            f"--suite=gpu_check needs a GPU, and JAX sees {device.device_kind}: pip install 'jax[cuda12]', or, "
            "without a GPU, take --suite=gpu_program."
        )
    path = pathlib.Path(json_path or "gpu_check.json")
    found: dict[str, Any] = {"device": device.device_kind, "target": nearest(device.device_kind), "steps": {}}
    with tempfile.TemporaryDirectory() as folder:
        for step in steps(pathlib.Path(folder), found["target"], options.quick):
            found["steps"][step.name] = result = outcome(step, cache=folder)
            print(
                f"{step.name}: {'done' if result['status'] == 0 else 'FAILED'}, {result['seconds']:.0f} s", flush=True
            )
            found["comparison"] = comparison(found["steps"])
            path.write_text(json.dumps(found, indent=1) + "\n")
    for row in found["comparison"]:
        print(row)
    return found


def nearest(kind: str) -> str:
    """The target whose name shares a word such as `H100` with the name of the device; h100 if none does."""
    return next((name for name in TARGETS if name.upper() in kind.upper()), "h100")


def steps(folder: pathlib.Path, target: str, quick: bool) -> Iterator[Step]:
    """What is done, the most wanted first."""
    *timed, arithmetic = SUITES
    for suite in timed:
        yield from _in_each_setting(suite, folder, target, quick or suite == "train")
    yield Step("tests", [sys.executable, "-m", "pytest", "-q", *TESTS], None)
    yield from _in_each_setting(arithmetic, folder, target, quick)


def _in_each_setting(suite: str, folder: pathlib.Path, target: str, quick: bool) -> Iterator[Step]:
    for precision, activations in SETTINGS:
        name = f"{suite}, {precision}, activations {activations}"
        figures = folder / f"{suite}-{precision}-{activations}.json"
        flags = [f"--suite={suite}", "--num_seeds=1,8", f"--json={figures}", f"--target={target}"]
        flags += [f"--matmul_precision={precision}", f"--activation_dtype={activations}", *["--quick"] * quick]
        yield Step(name, [sys.executable, "-m", "experiments.benchmark", *flags], figures)


def outcome(step: Step, cache: str) -> dict[str, Any]:
    """What a step wrote, its exit status (-1: it took too long), its seconds and the end of its output.

    Steps share the compilation cache in the folder `cache`: what XLA has tried out once need not be tried again.
    """
    began = time.perf_counter()
    environment = {"JAX_COMPILATION_CACHE_DIR": cache, **os.environ, "TESTS_ON": "cuda"}
    environment.pop(RESERVE, None)
    try:
        done = subprocess.run(
            step.command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        status, output = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        status, output = -1, str(error.stdout or "")
    result = {"status": status, "seconds": time.perf_counter() - began, "output": output[-2000:]}
    if step.figures and step.figures.exists():
        result["figures"] = json.loads(step.figures.read_text())
    return result


def comparison(results: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each setting and number of seeds: measured times beside what the program takes at the least."""
    rows = []
    for precision, activations in SETTINGS:
        of_suite = {suite: _rows(results, f"{suite}, {precision}, activations {activations}") for suite in SUITES}
        for seeds in (1, 8):
            row: dict[str, Any] = {"precision": precision, "activations": activations, "seeds": seeds}
            for suite, names in {"update": ["update_ms"], "train": ["iteration_ms", "over_bound"]}.items():
                measured = [one for one in of_suite[suite] if one["seeds"] == seeds]
                row |= {name: measured[0][name] for name in names if measured}
            bounds = [one["bound_ms"] for one in of_suite["gpu_program"] if one["seeds"] == seeds]
            if bounds and "update_ms" in row:
                row |= {"program_ms": bounds[0], "over_program": row["update_ms"] / bounds[0]}
            rows.append(row)
    return rows


def _rows(results: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return results.get(name, {}).get("figures", {}).get("rows", [])
