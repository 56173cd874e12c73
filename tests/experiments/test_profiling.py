"""The trace that --profile writes."""

import gzip
import json
import types

from toy_runs import main

from experiments.training_run import profiling


def test_a_profile_shows_learning_and_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "SKIPPED", 5)
    monkeypatch.setattr(profiling, "TRACED", 10)
    assert main(tmp_path / "run", "--profile") == 0
    (trace,) = (tmp_path / "run" / "profile").rglob("perfetto_trace.json.gz")
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    spans = [event["name"] for event in events if event.get("ph") == "X"]
    assert spans.count("waiting for simulators") >= 10
    assert sum(name.startswith("PjitFunction") for name in spans) >= 20


def test_a_run_that_ends_within_the_trace_still_writes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "SKIPPED", 2)
    moment = types.SimpleNamespace(metrics={"critic_loss": 1.0})
    assert [*profiling.traced([moment] * 3, tmp_path / "profile")] == [moment] * 3
    assert list((tmp_path / "profile").rglob("perfetto_trace.json.gz"))
