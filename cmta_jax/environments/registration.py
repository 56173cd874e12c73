"""The Gymnasium ids of the vector environment: `gym.make_vec("cmta_jax:Meta-World-Fast/MT10", seed=1)`."""

from gymnasium.envs import registration

ENTRY_POINT = "cmta_jax.environments.vector_env:make"
BENCHMARKS = ("MT1", "MT10", "MT25", "MT50", "custom-mt-envs")


def register() -> None:
    """Registers `Meta-World-Fast/MT1`, `MT10`, `MT25`, `MT50` and `custom-mt-envs`; a second call changes nothing.

    The entry point is text, so neither Meta-World nor MuJoCo is imported here.
    """
    for benchmark in BENCHMARKS:
        name = f"Meta-World-Fast/{benchmark}"
        if name not in registration.registry:
            registration.register(name, vector_entry_point=ENTRY_POINT, kwargs={"benchmark": benchmark})
