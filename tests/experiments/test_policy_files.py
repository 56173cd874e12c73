"""The policy files that a run writes beside its checkpoints."""

import threading

import jax.numpy as jnp
import numpy as np

from cmta_jax.checkpoint import load_policy, save_policy
from experiments.training_run import policy_files


def test_a_policy_is_that_of_its_moment_although_its_arrays_are_overwritten_before_it_is_written(tmp_path, monkeypatch):
    overwritten = threading.Event()

    def late(*arguments):
        assert overwritten.wait(60)
        save_policy(*arguments)

    monkeypatch.setattr(policy_files, "save_policy", late)
    files = policy_files.PolicyFiles(tmp_path, {"method": "cmta"})
    params = {"ours": np.ones(3, np.float32), "device's": jnp.ones(3)}
    files.write("policy.safetensors", params, 7, 0.5)
    params["ours"][:] = 0
    params["device's"].delete()
    overwritten.set()
    files.close()
    found, metadata = load_policy(tmp_path / "policy.safetensors")
    assert metadata.items() >= {"method": "cmta", "step": 7, "smoothed_success": 0.5}.items()
    for leaf in found.values():
        np.testing.assert_array_equal(leaf, np.ones(3))
