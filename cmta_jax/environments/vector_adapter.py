"""stable-baselines3 and sbx have an interface of their own for vector environments: `as_vec_env` adapts Gymnasium's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gymnasium.vector import AutoresetMode, VectorEnv

if TYPE_CHECKING:
    from cmta_jax.environments.vector_stable_baselines import StableBaselinesEnv


def as_vec_env(envs: VectorEnv) -> StableBaselinesEnv:
    """A vector environment for the learners of stable-baselines3 and sbx, such as `SAC("MlpPolicy", ...)`.

    Args:
        envs: a Gymnasium vector environment, wrapped or not, with the autoreset mode SAME_STEP (metaworld's default).

    Raises:
        ValueError: another autoreset mode.
        ImportError: stable-baselines3 is not installed.
    """
    mode = envs.metadata.get("autoreset_mode")
    if mode != AutoresetMode.SAME_STEP:
        raise ValueError(f"as_vec_env needs autoreset_mode=SAME_STEP, which stable-baselines3 relies on, not {mode}.")
    try:
        from cmta_jax.environments.vector_stable_baselines import StableBaselinesEnv
    except ModuleNotFoundError as error:
        raise ImportError("as_vec_env needs stable-baselines3: pip install stable-baselines3.") from error
    return StableBaselinesEnv(envs)
