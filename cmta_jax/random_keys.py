"""Random keys that do not depend on the environment of the process."""

import jax

IMPLEMENTATION = "threefry2x32"  # JAX's default, unless JAX_DEFAULT_PRNG_IMPL names another


def random_key(seed: int | jax.Array) -> jax.Array:
    """The key of a seed, `[]`; always of the same generator, so that a seed means the same numbers everywhere."""
    return jax.random.key(seed, impl=IMPLEMENTATION)
