"""Updates that go well and updates that go wrong, for the tests of divergence."""

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.training import divergence
from cmta_jax.training.divergence import Source
from cmta_jax.training.replay import Place
from cmta_jax.types import Transition

LIMIT = 100.0


def batch(value, shape=(2, 3)):
    values = jnp.full(shape, jnp.float32(value))
    return Transition(*([values] * 5), values > 0, carry=(values,), next_carry=(values,))


def metrics(**changes):
    return {"critic_loss": jnp.float32(1), "actor_loss": jnp.float32(1e9), "q_mean": jnp.ones(2)} | changes


def params(value=1.0):
    return Transition(*[{"kernel": jnp.array([1.0, value])}] * 8)


def source(value):
    return Source(Place(*[jnp.full((2, 3), value, jnp.int32)] * 2), jnp.ones(2))


def start():
    return divergence.empty(metrics(), source(0))


def seen(*updates, limit=LIMIT):
    """The divergence after updates 0, 1, ..., each of which had such metrics (and parameters)."""
    check = jax.jit(divergence.check, static_argnums=4)
    held = start()
    for step, update in enumerate(updates):
        held = check(held, jnp.int32(step), update[0], source(step), limit)
    return held


def told(*updates, read=None):
    """What there is to say after these updates, the last of which left its parameters."""
    return divergence.tell(seen(*updates), updates[-1][1], batch(0) if read is None else read)


FINE = metrics(), params()
WRONG = {
    "a loss is NaN": (metrics(actor_loss=jnp.float32(np.nan)), params()),
    "a loss is infinite": (metrics(critic_loss=jnp.float32(-np.inf)), params()),
    "a metric of one task": (metrics(q_mean=jnp.array([1, np.nan], jnp.float32)), params()),
    "the critic loss is beyond the limit": (metrics(critic_loss=jnp.float32(101)), params()),
}
