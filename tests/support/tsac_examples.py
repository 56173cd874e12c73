"""Small methods, batches and updates for the tests of TSAC."""

import jax
import method_examples

from cmta_jax.methods import METHODS, tsac
from cmta_jax.types import Spec

SPEC = Spec(("reach", "push", "door-open"), observation_dim=7, action_dim=4, horizon=8)
SMALL = {"hidden_dim": 16, "hidden_layers": 1, "batch_per_task": 8}
ALONE = {"sparse_trains_encoder": False}  # the base's encoder learns what it learns alone

as_written = method_examples.as_written


def base_method(name, spec=SPEC, **settings):
    return METHODS[name].make(METHODS[name].Config(**{**SMALL, **settings}), spec)


def small_config(**settings):
    return tsac.Config(**{**SMALL, **settings})


def wrapped(base, spec=SPEC, **settings):
    return tsac.wrap(small_config(**settings), spec, base)


def random_batch(seed, method, spec=SPEC, rows=8):
    """Random transitions `[N, rows, ...]`, carry included."""
    return method_examples.random_batch(seed, method, spec, rows)


def base_alone(state):
    """The base's state inside TSAC's, without the critics of success and without optimisers."""

    def dense(leaf):
        return leaf[0]

    params, targets, _ = state.base
    return (
        params._replace(critic=jax.tree.map(dense, params.critic)),
        targets._replace(critic=jax.tree.map(dense, targets.critic)),
    )
