"""One simulated lane, in Meta-World's own way (`stock`) or in a faster one that gives the same numbers (`fast`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmta_jax.environments.simulator.stock import StockSimulator


def make(task: str, simulator: str = "fast", reward_version: str = "v2", success_version: str = "v2") -> StockSimulator:
    """A simulator of one task. Meta-World is imported here, in the worker, not when this package is imported.

    Args:
        task: its name, such as `reach-v3`.
        simulator, reward_version, success_version: as in `EnvironmentConfig`.
    """
    if simulator == "stock":
        from cmta_jax.environments.simulator.stock import StockSimulator as Simulator
    else:
        from cmta_jax.environments.simulator.fast import FastSimulator as Simulator
    return Simulator(task, reward_version, success_version)
