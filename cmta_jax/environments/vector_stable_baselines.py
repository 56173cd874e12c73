"""The interface of stable-baselines3 and sbx for vector environments; see `vector_adapter.as_vec_env`.

The module imports stable-baselines3, and with it PyTorch: import it only where that is asked for.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from stable_baselines3.common.vec_env import VecEnv  # pyright: ignore[reportMissingImports]: an extra

from cmta_jax.environments.vector_env import MetaWorldVectorEnv


class StableBaselinesEnv(VecEnv):
    """A Gymnasium vector environment with the interface of stable-baselines3.

    Rewards are float32. The info of an environment whose episode ended has that episode's `terminal_observation` and
    `TimeLimit.truncated`, from which bootstrapping follows, and `is_success` of its last step.
    """

    def __init__(self, envs: VectorEnv):
        self.envs: Any = envs
        self._innermost: Any = envs.unwrapped  # wrappers have no get_attr, set_attr and call
        self._actions = np.empty(0)
        self._overlaps = isinstance(envs, MetaWorldVectorEnv)
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> np.ndarray:
        """Observations [L, D]; the seeds of `seed` are used once."""
        observation, infos = self.envs.reset(seed=self._seeds)
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = by_environment(infos, self.num_envs)
        return observation

    def step_async(self, actions: np.ndarray) -> None:
        """Starts a step. Args: actions [L, 4]."""
        if self._overlaps:
            self.envs.step_async(actions)
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Observations [L, D], rewards [L] float32, ends [L] bool, infos."""
        results = self.envs.step_wait() if self._overlaps else self.envs.step(self._actions)
        observation, reward, terminated, truncated, batched = results
        infos = by_environment(batched, self.num_envs)
        for lane, info in enumerate(infos):
            info |= info.pop("final_info", {})
            info["TimeLimit.truncated"] = bool(truncated[lane] and not terminated[lane])
            if "final_obs" in info:
                info["terminal_observation"] = info.pop("final_obs")
                info["is_success"] = bool(info.get("success", False))
        return observation, reward.astype(np.float32), terminated | truncated, infos

    def close(self) -> None:
        """Ends the environments."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Values of the environments `indices`; None: of all."""
        if attr_name == "render_mode":
            return self._of([self.envs.render_mode] * self.num_envs, indices)
        return self._of(self._innermost.get_attr(attr_name), indices)

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Sets an attribute of the environments `indices`; None: of all."""
        values = list(self._innermost.get_attr(attr_name))
        for lane in self._get_indices(indices):
            values[lane] = value
        self._innermost.set_attr(attr_name, values)

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Iterable[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls a method of all environments; returns the results of `indices`."""
        return self._of(self._innermost.call(method_name, *method_args, **method_kwargs), indices)

    def env_is_wrapped(self, wrapper_class: type, indices: int | Iterable[int] | None = None) -> list[bool]:
        """False: there are no single environments that could be wrapped."""
        return self._of([False] * self.num_envs, indices)

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A picture of every environment."""
        return list(self.envs.render() or ())

    def _of(self, values: Sequence[Any], indices: int | Iterable[int] | None) -> list[Any]:
        return [values[lane] for lane in self._get_indices(indices)]


def by_environment(infos: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Gymnasium's dict of arrays with masks `_key` as one dict for each of `count` environments."""
    separate: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, values in infos.items():
        if not key.startswith("_"):
            values = by_environment(values, count) if isinstance(values, dict) else values
            for lane in np.flatnonzero(infos.get(f"_{key}", np.ones(count, bool))):
                separate[lane][key] = values[lane]
    return separate
