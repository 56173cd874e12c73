"""Notices numerical trouble on the device, so that nothing has to be fetched before somebody looks.

Every update is looked at where it happens. The first one that goes wrong is held, with its batch, until it is fetched.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.types import Array, Metrics, Transition

GUARDED = "critic_loss"  # metrics whose names end so must stay below a limit


class Watch(NamedTuple):
    """The newest update, or the first that went wrong; of one seed."""

    step: Array  # int32, environment steps per task before that update; -1 as long as all is well
    metrics: Metrics
    norms: Metrics  # of the parameters after the update, one for each group of them
    batch: Transition  # [N, B, ...]


class NotFinite(RuntimeError):
    """The simulators were to be given, or gave, what is no number.

    Args:
        step: environment steps per task before it.
        watch: what was held then, `()` before the first update; leaves `[S, ...]`.
        lanes: what there is to know of the step: arrays `[S, N, C, ...]` by name.
    """

    def __init__(self, step: int, watch: Any, lanes: dict[str, Any]):
        super().__init__(f"step {step}: not finite")
        self.step, self.watch, self.lanes = step, watch, lanes


def start(metrics: Metrics, norms: Metrics, batch: Transition) -> Watch:
    """A watch that has seen nothing, for updates with such results (arrays or their shapes)."""
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (metrics, norms, batch))
    return Watch(jnp.int32(-1), *zeros)


def look(watch: Watch, step: Array, metrics: Metrics, params: Any, batch: Transition, limit: float) -> Watch:
    """Sees one update; a watch that holds one keeps it.

    A gradient that is not finite makes a parameter so, hence no gradient is needed here.

    Args:
        step: environment steps per task before the update.
        params: after the update.
        limit: of the critic losses; infinite for none.
    """
    norms = norms_of(params)
    low = [jnp.all(value <= limit) for name, value in metrics.items() if name.endswith(GUARDED)]
    finite = [jnp.isfinite(value).all() for value in (metrics | norms).values()]
    fine = jnp.stack(finite + low).all()
    seen = Watch(jnp.where(fine, jnp.int32(-1), step.astype(jnp.int32)), metrics, norms, batch)
    return jax.tree.map(lambda old, new: jnp.where(watch.step >= 0, old, new), watch, seen)


def norms_of(params: Any) -> Metrics:
    """Euclidean norms of the groups of parameters, by the names of their fields; infinite beyond 1e19."""
    squares: Metrics = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        group = "/".join(key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)) or "parameters"
        square = jnp.vdot(leaf, leaf).astype(jnp.float32)
        squares[group] = squares[group] + square if group in squares else square
    return {group: jnp.sqrt(square) for group, square in squares.items()}
