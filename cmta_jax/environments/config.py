"""What the environments are: tasks, goals, horizon, rewards and which simulator steps them."""

import dataclasses

from cmta_jax.config import between, check, one_of, setting
from cmta_jax.environments import benchmarks


@dataclasses.dataclass(frozen=True)
class EnvironmentConfig:
    """Settings shared by every lane of a pool.

    `tasks` are names as `resolve_tasks` returns them.

    Raises:
        ValueError: for a value out of its range, before any process starts.
    """

    tasks: tuple[str, ...]
    goals: str = setting(
        "mixed",
        "mixed: one of a task's 50 goal sets is drawn at every reset; fixed: one is drawn per task and run",
        one_of("mixed", "fixed"),
        refusal="Unknown goals '{value}': choose 'mixed' or 'fixed'.",
    )
    horizon: int = setting(
        150,
        "steps per episode",
        between(1, 500),
        refusal="horizon {value} is out of range: Meta-World's episodes have 1 to 500 steps.",
    )
    reward_version: str = setting(  # Deviation 1
        "v2",
        "v2: rewards from 0 to 10; v1: unbounded, up to some thousands",
        one_of("v2", "v1"),
        refusal="Unknown reward_version '{value}': choose 'v2' or 'v1'.",
    )
    success_version: str = setting(
        "v2",
        "v2: success by the v2 definition, whatever the rewards; reward: by the definition of the reward version "
        "(under v1 some tasks can then never succeed)",
        one_of("v2", "reward"),
        refusal="Unknown success_version '{value}': choose 'v2' or 'reward'.",
    )
    simulator: str = setting(
        "fast",
        "stock: Meta-World's own code path; fast: a faster one; both give the same numbers",
        one_of("fast", "stock"),
        refusal="Unknown simulator '{value}': choose 'fast' or 'stock'.",
    )

    def __post_init__(self):
        benchmarks.check_tasks(tuple(self.tasks))
        check(self)
