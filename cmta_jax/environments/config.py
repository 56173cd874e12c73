"""What the environments are: tasks, goals, horizon, rewards and which simulator steps them."""

import dataclasses

from cmta_jax.environments import benchmarks

CHOICES = {
    "goals": ("mixed", "fixed"),
    "reward_version": ("v2", "v1"),
    "success_version": ("v2", "reward"),
    "simulator": ("fast", "stock"),
}


@dataclasses.dataclass(frozen=True)
class EnvironmentConfig:
    """Settings shared by every lane of a pool.

    Attributes:
        tasks: names as `resolve_tasks` returns them.
        goals: `mixed` draws one of a task's 50 goal sets at every reset; `fixed` draws one per task and run.
        horizon: steps per episode.
        reward_version: `v2` (0 to 10) or `v1` (unbounded, up to some thousands).
        success_version: `v2` judges success by the v2 definition whatever the rewards; `reward` by that of the
            reward version (under v1 some tasks can then never succeed).
        simulator: `fast`, or `stock` for Meta-World's own code path; both give the same numbers.

    Raises:
        ValueError: for any value out of its range, before a process starts.
    """

    tasks: tuple[str, ...]
    goals: str = "mixed"
    horizon: int = 150
    reward_version: str = "v2"
    success_version: str = "v2"
    simulator: str = "fast"

    def __post_init__(self):
        benchmarks.check_tasks(tuple(self.tasks))
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                choices = " or ".join(f"'{choice}'" for choice in known)
                raise ValueError(f"Unknown {name} '{getattr(self, name)}': choose {choices}.")
        if not 1 <= self.horizon <= 500:
            raise ValueError(f"horizon {self.horizon} is out of range: Meta-World's episodes have 1 to 500 steps.")
