"""Metrics in one row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cmta_jax.training.metric_row import in_a_row

METRICS = {"table": jnp.arange(4.0).reshape(2, 2), "loss": jnp.float32(2.0), "of_tasks": jnp.arange(3.0)}


def test_a_row_gives_back_what_was_put_in_ordered_by_name():
    row = in_a_row(METRICS)
    assert row.row.shape == (1 + 3 + 4,) and [*row] == ["loss", "of_tasks", "table"] and len(row) == 3
    for name, value in METRICS.items():
        np.testing.assert_array_equal(row[name], value)


def test_seeds_lead_every_metric_on_the_device_and_on_the_host():
    seeds = jax.tree.map(lambda value: jnp.stack([value, 10 * value]), METRICS)
    rows = jax.jit(jax.vmap(in_a_row))(seeds)
    on_host = jax.tree.map(np.asarray, rows)
    assert isinstance(on_host["loss"], np.ndarray)
    for name, value in seeds.items():
        np.testing.assert_array_equal(rows[name], value)
        np.testing.assert_array_equal(on_host[name], value)


def test_an_unknown_metric_is_a_key_error():
    with pytest.raises(KeyError, match="gain"):
        in_a_row(METRICS)["gain"]
    assert "gain" not in in_a_row(METRICS)
