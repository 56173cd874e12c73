"""Small methods and random batches for the tests of all methods."""

import functools

import jax
import jax.numpy as jnp

from cmta_jax import methods
from cmta_jax.types import Spec, Transition

SPEC = Spec(("reach-v3", "push-v3", "door-open-v3"), observation_dim=7, action_dim=4)
ROWS = 5
SMALL = {
    "hidden_dim": 8, "hidden_layers": 1, "batch_per_task": ROWS,
    **{f"{name}.encoding_dim": 6 for name in ("cmta", "care", "mtsac", "mtmhsac", "soft_modularization")},
    **{f"{name}.num_experts": 3 for name in ("cmta", "care")},
    "soft_modularization.layers": 2, "soft_modularization.modules": 2, "soft_modularization.module_dim": 6,
    "soft_modularization.base_dim": 10, "soft_modularization.gate_dim": 7,
}  # fmt: skip
VARIANTS = {
    **{name: (name, {}) for name in methods.METHODS},
    "soft_modularization, original": (
        "soft_modularization",
        {"soft_modularization.form": "original", "soft_modularization.loss_weights": True, "max_gradient_norm": 1.0},
    ),
}

# Quickly compiled, and without LLVM's fusing of products and sums, which differs between programs in the last bit.
as_written = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def small(name, spec=SPEC, **others):
    """A method or variant of that name, small."""
    method, own = VARIANTS[name]
    return methods.build(method, SMALL | own | others, spec)


def settings(name):
    """The settings of `small(name)`."""
    method, own = VARIANTS[name]
    return methods.configure(method, SMALL | own)


def random_batch(seed, method, spec=SPEC, rows=ROWS):
    """Random transitions `[N, rows, ...]`, carry included."""
    keys = jax.random.split(jax.random.key(seed), 7)
    shape = (spec.num_tasks, rows)

    def normal(index, *last):
        return jax.random.normal(keys[index], (*shape, *last))

    def carry(index):
        return jax.tree.map(lambda leaf: jax.random.normal(keys[index], leaf.shape), method.begin(rows))

    return Transition(
        normal(0, spec.observation_dim), jnp.tanh(normal(1, spec.action_dim)), normal(2), jnp.ones(shape),
        normal(3, spec.observation_dim), jax.random.bernoulli(keys[4], 0.3, shape), carry(5), carry(6),
    )  # fmt: skip


def in_64_bits(tree):
    """Floats as float64, under `jax.enable_x64`: two programs of the same sums then differ by some 1e-16 only."""
    return jax.tree.map(lambda leaf: leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)
