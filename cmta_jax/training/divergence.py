"""Finds numerical trouble on the device, so that nothing has to be fetched before somebody looks.

Every update is checked. The first one that went wrong is kept until it is fetched. Of its batch only the place in the
replay is kept; there it is read when somebody asks.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.training.replay import Place, Replay
from cmta_jax.types import Array, Metrics, Params

GUARDED = "critic_loss"  # metrics whose names end with it must stay below a limit


class Divergence(NamedTuple):
    """The first update that went wrong, or the newest one if none did; of one seed."""

    step: Array  # int32, environment steps per task before that update; -1 if no update went wrong
    metrics: Metrics
    norms: Metrics  # of the parameters after the update, one for each group of parameters
    source: "Source"


class Source(NamedTuple):
    """Where the batch of an update came from."""

    place: Place  # [N, B], in the replay
    factor: Array  # [N], what its rewards were multiplied by


class NotFinite(RuntimeError):
    """An action, an observation or a reward is NaN or infinite.

    Args:
        step: environment steps per task before it.
        divergence: at that moment, `()` before the first update; leaves `[S, ...]`.
        replay: at that moment, leaves `[S, ...]`.
        lanes: actions, observations, rewards and carries of that step, `[S, N, C, ...]` by name.
    """

    def __init__(self, step: int, divergence: Divergence | tuple[()], replay: Replay, lanes: Mapping[str, np.ndarray]):
        super().__init__(f"step {step}: not finite")
        self.step, self.divergence, self.replay, self.lanes = step, divergence, replay, lanes


def empty(metrics: Metrics, norms: Metrics, source: Source) -> Divergence:
    """No divergence yet, for updates with such results (arrays or their shapes)."""
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (metrics, norms, source))
    return Divergence(jnp.int32(-1), *zeros)


def check(
    divergence: Divergence, step: Array, metrics: Metrics, params: Params, source: Source, limit: float
) -> Divergence:
    """Checks one update; an update that went wrong earlier is kept.

    The gradients are not needed: a gradient that is not finite makes a parameter not finite.

    Args:
        step: environment steps per task before the update.
        params: after the update.
        limit: of the critic losses; infinite for none.
    """
    norms = parameter_norms(params)
    below = [jnp.all(value <= limit) for name, value in metrics.items() if name.endswith(GUARDED)]
    finite = [jnp.isfinite(value).all() for value in (metrics | norms).values()]
    fine = jnp.stack(finite + below).all()
    newest = Divergence(jnp.where(fine, jnp.int32(-1), step.astype(jnp.int32)), metrics, norms, source)
    return jax.tree.map(lambda old, new: jnp.where(divergence.step >= 0, old, new), divergence, newest)


def parameter_norms(params: Params) -> Metrics:
    """Euclidean norms of the groups of parameters, by the names of their fields; infinite beyond 1e19."""
    squares: Metrics = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        group = "/".join(key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)) or "parameters"
        square = jnp.vdot(leaf, leaf).astype(jnp.float32)
        squares[group] = squares[group] + square if group in squares else square
    return {group: jnp.sqrt(square) for group, square in squares.items()}
