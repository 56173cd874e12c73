"""One warning in a run whose critics promise more than the rewards can give."""

import logging
from collections.abc import Sequence

import numpy as np

from cmta_jax.tracking.listeners import Listener

log = logging.getLogger(__name__)

MARGIN = 1.5  # the limit knows the largest reward *so far*, so sound critics may pass it a little in the beginning


class ValueWarning(Listener):
    """Warns once, when a task's mean Q exceeds 1.5 `value_limit` (`training.reward_scaling.value_metrics`).

    Args:
        seeds: their numbers, [S].
        tasks: their names, [N].
    """

    def __init__(self, seeds: Sequence[int], tasks: Sequence[str]):
        self._seeds, self._tasks, self._warned = tuple(seeds), tuple(tasks), False

    def metrics(self, step, values):
        if self._warned or not {"q_mean", "value_limit"} <= values.keys():
            return
        beyond = np.argwhere(values["q_mean"] > MARGIN * values["value_limit"])
        if len(beyond):
            seed, task = beyond[0]
            log.warning(
                "step %d, seed %d, %s: mean Q is %.4g, but rewards and entropy can give at most %.4g. The critics "
                "overestimate: --reward_scaling=none and --critic_layer_norm prevent it (docs/learning.md).",
                step, self._seeds[seed], self._tasks[task],
                values["q_mean"][seed, task], values["value_limit"][seed, task],
            )  # fmt: skip
            self._warned = True
