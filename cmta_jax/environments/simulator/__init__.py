"""One simulated lane, in Meta-World's own way (`stock`) or in a faster one that gives the same numbers (`fast`)."""


def make(task: str, simulator: str = "fast", reward_version: str = "v2", success_version: str = "v2"):
    """A simulator of one task. Meta-World is imported here, in the worker, and nowhere above."""
    if simulator == "stock":
        from cmta_jax.environments.simulator.stock import StockSimulator as Simulator
    else:
        from cmta_jax.environments.simulator.fast import FastSimulator as Simulator
    return Simulator(task, reward_version, success_version)
