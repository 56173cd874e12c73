"""Which goal set each environment plays next: one stream of random numbers per lane, as in metaworld's wrappers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding

from cmta_jax.environments.sizes import NUM_GOAL_SETS


class GoalStreams:
    """One stream per lane; a goal set is drawn when an episode begins, for the one after it.

    Args:
        seeds: of the streams [L].

    Attributes:
        next: [L] int32, index of the goal set of each lane's next episode.
    """

    def __init__(self, seeds: Sequence[int] | np.ndarray):
        self._streams = [seeding.np_random(int(seed))[0] for seed in seeds]
        self.next = np.zeros(len(self._streams), np.int32)
        self.draw(np.ones(len(self._streams), bool))

    def draw(self, lanes: np.ndarray) -> None:
        """Draws the next goal set of `lanes` [L] bool."""
        for lane in np.flatnonzero(lanes):
            self.next[lane] = self._streams[lane].choice(NUM_GOAL_SETS)

    def seed(self, seed: int | np.integer | Sequence[int | None] | None, lanes: np.ndarray) -> None:
        """New streams for `lanes` [L] bool where `seed` gives one: an int stands for seed + lane.

        Raises:
            ValueError: a list of another length.
        """
        count = len(self._streams)
        seeds = [seed + lane for lane in range(count)] if isinstance(seed, int | np.integer) else seed
        seeds = [None] * count if seeds is None else seeds
        if len(seeds) != count:
            raise ValueError(f"seed has {len(seeds)} entries: give one for each of the {count} environments.")
        for lane in np.flatnonzero(lanes).tolist():
            if (own := seeds[lane]) is not None:
                self._streams[lane] = seeding.np_random(int(own))[0]
                self.next[lane] = self._streams[lane].choice(NUM_GOAL_SETS)

    def save(self, lane: int) -> dict[str, Any]:
        """The state of a lane's stream, as values that JSON can hold."""
        return {"rng_state": self._streams[lane].bit_generator.state, "goal_set": int(self.next[lane])}

    def load(self, lane: int, saved: dict[str, Any]) -> None:
        """The inverse of `save`."""
        self._streams[lane].bit_generator.state = saved["rng_state"]
        self.next[lane] = saved["goal_set"]
