"""Finds numerical trouble on the device, so that nothing has to be fetched before somebody looks.

Every update is checked. The first one that went wrong is kept until it is fetched. Of its batch only the place in the
replay is kept; there it is read when somebody asks.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.training.metric_row import MetricRow, in_a_row
from cmta_jax.training.replay import Place, Replay
from cmta_jax.types import Array, Metrics, Params, Transition

GUARDED = "critic_loss"  # metrics whose names end with it must stay below a limit


class Divergence(NamedTuple):
    """An update of one seed: the first one that went wrong, or the newest one if none did."""

    wrong: Array  # bool
    step: Array  # int32, environment steps per task before the update
    metrics: MetricRow
    source: "Source"


class Source(NamedTuple):
    """Where the batch of an update came from."""

    place: Place  # [N, B], in the replay
    factor: Array  # [N], what its rewards were multiplied by


class Told(NamedTuple):
    """What there is to say of a divergence; of one seed."""

    step: Array  # int32, environment steps per task before the update; -1 if nothing went wrong
    metrics: Metrics  # of the update
    norms: Metrics  # of the parameters now, one for each group of parameters
    batch: Transition  # [N, B, ...], of the update


class NotFinite(RuntimeError):
    """An action, an observation or a reward is NaN or infinite.

    Args:
        step: environment steps per task before it.
        divergence: at that moment, `()` before the first update; leaves `[S, ...]`.
        state: the learner and the replay at that moment, leaves `[S, ...]`.
        lanes: actions, observations, rewards and carries of that step, `[S, N, C, ...]` by name.
    """

    def __init__(
        self,
        step: int,
        divergence: Divergence | tuple[()],
        state: tuple[Any, Replay],
        lanes: Mapping[str, np.ndarray],
    ):
        super().__init__(f"step {step}: not finite")
        self.step, self.divergence, self.state, self.lanes = step, divergence, state, lanes


def empty(metrics: Metrics, source: Source) -> Divergence:
    """No divergence yet, for updates with such results (arrays or their shapes)."""
    metrics, source = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (metrics, source))
    return Divergence(jnp.bool_(False), jnp.int32(0), in_a_row(metrics), source)


def check(divergence: Divergence, step: Array, metrics: Metrics, source: Source, limit: float) -> Divergence:
    """Checks one update; an update that went wrong earlier is kept.

    Neither gradients nor parameters are looked at. A gradient that is not finite makes a parameter not finite; critics
    and encoders with such parameters give the actor's loss of the same update, temperatures are metrics, and the
    actor's next action stops the loop.

    Args:
        step: environment steps per task before the update.
        limit: of the critic losses; infinite for none.
    """
    row = in_a_row(metrics)
    below = [jnp.all(value <= limit) for name, value in metrics.items() if name.endswith(GUARDED)]
    fine = jnp.stack([jnp.isfinite(row.row).all(), *below]).all()
    newest = Divergence(~fine, step.astype(jnp.int32), row, source)
    return jax.tree.map(lambda old, new: jnp.where(divergence.wrong, old, new), divergence, newest)


def tell(divergence: Divergence, params: Params, batch: Transition) -> Told:
    """What there is to say of an update, and whether anything went wrong, parameters included.

    Args:
        params: as they are now.
        batch: of the update.
    """
    norms = parameter_norms(params)
    wrong = divergence.wrong | ~jnp.isfinite(jnp.stack([*norms.values()])).all()
    return Told(jnp.where(wrong, divergence.step, -1), dict(divergence.metrics), norms, batch)


def parameter_norms(params: Params) -> Metrics:
    """Euclidean norms of the groups of parameters, by the names of their fields; infinite beyond 1e19."""
    squares: Metrics = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        group = "/".join(key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)) or "parameters"
        square = jnp.vdot(leaf, leaf).astype(jnp.float32)
        squares[group] = squares[group] + square if group in squares else square
    return {group: jnp.sqrt(square) for group, square in squares.items()}
