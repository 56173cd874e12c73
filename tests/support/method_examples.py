"""Small methods and random batches for the tests of all methods."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

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
    """A method or variant of that name, small; the same one for the same arguments, so that it compiles once."""
    return _small(name, spec, tuple(sorted(others.items())))


@functools.cache
def _small(name, spec, others):
    method, own = VARIANTS[name]
    return methods.build(method, SMALL | own | dict(others), spec)


def start(method, seed=0):
    """The method's first state."""
    return as_written(method.init)(jax.random.key(seed))


def settings(name):
    """The settings of `small(name)`."""
    method, own = VARIANTS[name]
    return methods.configure(method, SMALL | own)


def random_batch(seed, method, spec=SPEC, rows=ROWS):
    """Random transitions `[N, rows, ...]`, carry included; drawn by numpy, which compiles nothing."""
    random, shape = np.random.default_rng(seed), (spec.num_tasks, rows)

    def normal(*last):
        return random.normal(size=(*shape, *last)).astype(np.float32)

    def carry():
        return jax.tree.map(lambda leaf: normal(*leaf.shape[2:]), jax.eval_shape(lambda: method.begin(rows)))

    batch = Transition(
        normal(spec.observation_dim), np.tanh(normal(spec.action_dim)), normal(), np.ones(shape, np.float32),
        normal(spec.observation_dim), random.random(shape) < 0.3, carry(), carry(),
    )  # fmt: skip
    return jax.tree.map(jnp.asarray, batch)


def in_64_bits(tree):
    """Floats as float64, under `jax.enable_x64`: two programs of the same sums then differ by some 1e-16 only."""
    return jax.tree.map(lambda leaf: leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)
