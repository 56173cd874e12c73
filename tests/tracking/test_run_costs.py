"""Speed, memory, expert similarity and Weights & Biases."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparing import close

from cmta_jax.methods import mixture
from cmta_jax.tracking import metric_names, run_costs
from cmta_jax.tracking.listeners import Listener
from experiments.command_line.parse import parse

SEEDS, TASKS = (4, 5), ("reach-v3", "push-v3")


class Ear(Listener):
    def __init__(self):
        self.heard, self.rest = [], []

    def metrics(self, step, values):
        self.heard.append((step, values))

    def evaluation(self, step, success, episode_return):
        self.rest.append(step)

    def sync(self):
        self.rest.append("sync")

    def close(self):
        self.rest.append("close")


def test_rates_are_of_the_time_between_metrics():
    """500 iterations of 6 lanes in 4 seconds: 125 and 750 per second."""
    ear, clock = Ear(), iter([10.0, 14.0])
    costs = run_costs.WithCosts(ear, 2, 6, lambda: next(clock), lambda: {"resident_memory_gib": 1.5})
    costs.metrics(1000, {"loss": np.array([1.0, 2.0])})
    costs.metrics(1500, {"loss": np.array([3.0, 4.0])})
    assert "iterations_per_second" not in ear.heard[0][1]
    step, values = ear.heard[1]
    assert step == 1500 and values["loss"].tolist() == [3, 4] and values["resident_memory_gib"].tolist() == [1.5, 1.5]
    assert values["iterations_per_second"].tolist() == [125, 125]
    assert values["environment_steps_per_second"].tolist() == [750, 750]


def test_everything_else_passes_through():
    ear = Ear()
    costs = run_costs.WithCosts(ear, 1, 1)
    costs.evaluation(7, None, None)
    costs.sync()
    costs.close()
    assert ear.rest == [7, "sync", "close"]


def test_memory_is_that_of_this_process_and_of_the_device_if_it_tells(monkeypatch):
    block = np.ones(2**24)  # 128 MiB
    before = run_costs.memory_in_use()["resident_memory_gib"]
    assert before > block.nbytes / run_costs.GIB and before < 64

    class Device:
        def memory_stats(self):
            return {"bytes_in_use": 3 * run_costs.GIB}

    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    assert run_costs.memory_in_use()["device_memory_gib"] == 3


def test_every_metric_has_its_section():
    names = ("critic_loss", "iterations_per_second", "device_memory_gib", "expert_similarity")
    assert [metric_names.group_of(name) for name in names] == ["loss", "speed", "memory", "learner"]
    values = {"one": np.array([1.0, 2.0]), "two": np.array([[1.0, 2.0], [3.0, 5.0]])}
    expected = {"one": 2, "two/mean": 4, "two/reach-v3": 3, "two/push-v3": 5}
    assert metric_names.scalars(values, 1, TASKS) == expected


def test_expert_similarity_is_the_mean_cosine_over_pairs():
    experts = np.random.default_rng(0).normal(size=(4, 3, 5, 8)).astype(np.float32)  # [K, N, B, D]
    unit = experts / np.linalg.norm(experts, axis=-1, keepdims=True)
    pairs = [(unit[i] * unit[j]).sum(axis=-1).mean(axis=1) for i in range(4) for j in range(i)]
    found = mixture.expert_similarity(jnp.asarray(experts))
    np.testing.assert_allclose(found, np.mean(pairs, axis=0), atol=1e-6)
    same = jnp.broadcast_to(jnp.asarray(experts[:1]), experts.shape)
    np.testing.assert_allclose(mixture.expert_similarity(same), 1, atol=1e-6)


def test_attention_entropy_is_that_of_numpy():
    attention = np.random.default_rng(0).dirichlet(np.ones(4), size=(3, 5)).astype(np.float32)  # [N, B, K]
    found = mixture.attention_entropy(jnp.asarray(attention))
    np.testing.assert_allclose(found, -(attention * np.log(attention)).sum(axis=-1).mean(axis=1), rtol=1e-5)


def test_wandb_without_its_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"^--wandb needs the package .*: pip install wandb\.$"):
        parse(["--wandb"])
    assert not parse([]).run.wandb


PROGRAM = """
import sys, json
import numpy as np
from cmta_jax.tracking.wandb import WandbWriter
writer = WandbWriter(sys.argv[1], (4, 5), ("reach-v3", "push-v3"), {"method": "cmta"})
writer.metrics(30, {"critic_loss": np.array([1.0, 2.0])})
writer.evaluation(60, np.array([[0.0, 0.5], [1.0, 0.25]]), np.ones((2, 2)))
print(json.dumps(dict(writer._run.summary)))
writer.close()
"""


def test_wandb_offline_gets_the_numbers_of_tensorboard(tmp_path):
    """In a process of its own, because wandb leaves threads and warnings behind."""
    pytest.importorskip("wandb")
    environment = os.environ | {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["seed_5/loss/critic_loss"] == 2 and found["seed_4/success/push-v3"] == 0.5
    assert found["seed_5/success/mean"] == 0.625 and found["step"] == 60
    assert [*tmp_path.glob("wandb/offline-run-*/*.wandb")]


def test_attention_movement_is_that_of_numpy():
    attention = np.random.default_rng(0).dirichlet(np.ones(4), (2, 50)).astype(np.float32)
    attention[1] = attention[1, :1]  # the same weights in every state
    found = mixture.attention_movement(jnp.asarray(attention))
    close(found[0], np.sqrt(np.mean(attention[0].std(axis=0) ** 2)), rtol=1e-5)
    assert found[1] < 1e-6


def test_mixture_length_is_one_for_one_expert_and_nothing_where_experts_cancel():
    experts = np.random.default_rng(0).normal(size=(2, 3, 5, 8)).astype(np.float32)
    experts[1, 1] = -experts[0, 1]
    experts[1, 2] = experts[0, 2]
    found = mixture.mixture_length(jnp.asarray(experts), jnp.full((3, 5, 2), 0.5))
    mixed = np.linalg.norm(experts.mean(axis=0), axis=-1) / np.linalg.norm(experts, axis=-1).mean(axis=0)
    close(found[0], mixed[0].mean(), rtol=1e-5)
    assert found[1] < 1e-6 and abs(found[2] - 1) < 1e-5
