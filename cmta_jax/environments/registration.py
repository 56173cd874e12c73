"""The Gymnasium ids: `gym.make_vec("cmta_jax:Meta-World-Fast/MT10", seed=1)` and the like.

`Meta-World-Fast/<task>` is also a single environment: `gym.make("cmta_jax:Meta-World-Fast/reach-v3")`.
"""

from gymnasium.envs import registration

from cmta_jax.environments.benchmarks import MT50

VECTOR = "cmta_jax.environments.vector_env:make"
SINGLE = "cmta_jax.environments.single_env:make"
BENCHMARKS = ("MT10", "MT25", "MT50", "custom-mt-envs")


def register() -> None:
    """Registers `Meta-World-Fast/MT1`, `MT10`, `MT25`, `MT50`, `custom-mt-envs`, and each task.

    A second call changes nothing. The entry points are text, so neither Meta-World nor MuJoCo is imported here.
    """
    for benchmark in BENCHMARKS:
        _register(benchmark, {"benchmark": benchmark}, single=False)
    _register("MT1", {"benchmark": "MT1"}, single=True)
    for task in MT50:
        _register(task, {"benchmark": "MT1", "env_name": task}, single=True)


def _register(name: str, keywords: dict[str, str], *, single: bool) -> None:
    name = f"Meta-World-Fast/{name}"
    if name not in registration.registry:
        entry_point = SINGLE if single else None
        registration.register(name, entry_point=entry_point, vector_entry_point=VECTOR, kwargs=keywords)
