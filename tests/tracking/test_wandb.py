"""Weights & Biases watches a run and cannot end it. The package is replaced by what such a package may do."""

import sys
import types

import numpy as np
import pytest

from cmta_jax.tracking.wandb import WandbWriter


class Remote:
    """A run at Weights & Biases; `refuse` makes `log` and `finish` fail from then on."""

    refuse = False

    def __init__(self):
        self.rows, self.calls = [], 0

    def define_metric(self, *_, **__):
        pass

    def log(self, row):
        self.calls += 1
        if self.refuse:
            raise ConnectionError("server\nis gone")
        self.rows.append(row)

    def finish(self):
        self.log({})


@pytest.fixture
def started(monkeypatch):
    """The arguments of every `wandb.init` so far."""
    for name in ("WANDB_PROJECT", "WANDB_NAME", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    calls = []

    def init(**arguments):
        calls.append(arguments)
        return Remote()

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    return calls


def writer(folder):
    folder.mkdir(exist_ok=True)
    return WandbWriter(folder, (4,), ("reach-v3",), {})


def test_a_run_goes_on_with_one_warning_if_wandb_has_no_key(tmp_path, monkeypatch, caplog):
    def init(**_):
        raise RuntimeError("api_key not configured (no-tty)")

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    listener = writer(tmp_path)
    listener.metrics(10, {"critic_loss": np.ones(1)})
    listener.close()
    assert [record.getMessage() for record in caplog.records] == [
        "Weights & Biases cannot be used (api_key not configured (no-tty)): training goes on without it; --resume with "
        "--wandb tries again."
    ]


def test_a_run_goes_on_with_one_warning_if_the_server_is_lost(tmp_path, started, caplog):
    listener = writer(tmp_path)
    listener._run.refuse = True
    for step in (10, 20):
        listener.metrics(step, {"critic_loss": np.ones(1)})
    listener.close()
    assert listener._run.calls == 1 and len(caplog.records) == 1 and "(server is gone)" in caplog.text


def test_the_id_is_of_the_run_and_not_of_its_place(tmp_path, started):
    writer(tmp_path / "one").close()
    writer(tmp_path / "two").close()
    (tmp_path / "one").rename(tmp_path / "moved")
    writer(tmp_path / "moved").close()
    writer(tmp_path / "one").close()  # another run in the old place
    one, two, moved, other = (call["id"] for call in started)
    assert one == moved and len({one, two, other}) == 3
    assert [call["name"] for call in started] == ["one", "two", "moved", "one"]


def test_the_variables_of_wandb_count(tmp_path, started, monkeypatch):
    writer(tmp_path).close()
    for name in ("WANDB_PROJECT", "WANDB_NAME", "WANDB_RUN_ID"):
        monkeypatch.setenv(name, f"my_{name[6:].lower()}")
    writer(tmp_path).close()
    assert started[0]["project"] == "cmta_jax"
    assert [started[1][name] for name in ("project", "name", "id")] == ["my_project", "my_name", "my_run_id"]
    monkeypatch.delenv("WANDB_RUN_ID")
    writer(tmp_path).close()
    assert started[2]["id"] == "my_run_id"  # it was kept
