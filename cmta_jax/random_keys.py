"""Random keys and draws that do not depend on the environment of the process."""

from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

IMPLEMENTATION = "threefry2x32"  # JAX's default, unless JAX_DEFAULT_PRNG_IMPL names another


def random_key(seed: int | jax.Array) -> jax.Array:
    """The key of a seed below 2^32, `[]`: that of `jax.random.key` without variables such as JAX_RANDOM_SEED_OFFSET."""
    words: Any
    if isinstance(seed, int):
        words = np.array([0, seed], np.uint32)
    else:
        low = seed.astype(jnp.uint32)
        words = jnp.stack([jnp.zeros_like(low), low])
    return jax.random.wrap_key_data(words, impl=IMPLEMENTATION)


def same_draws() -> AbstractContextManager[None]:
    """A context: a key draws in it what it draws with JAX's defaults, whatever JAX_THREEFRY_PARTITIONABLE says."""
    return jax.threefry_partitionable(True)
