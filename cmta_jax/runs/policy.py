"""A trained policy that acts: on all lanes of a pool, with its mean action or a sampled one."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.random_keys import random_key
from cmta_jax.runs.intermediates import telling
from cmta_jax.runs.settings import Settings
from cmta_jax.training.seed_axis import for_each_seed, spread
from cmta_jax.types import Array, Carry, Method, Params, Spec

SHIPPED_FILE = pathlib.Path(__file__).with_name("shipped_policy.safetensors")  # a link to that of results/quickstart
SAMPLING = 2**31 - 2  # marks the random stream of sampled actions


class PolicyCarry(NamedTuple):
    """What a policy carries from step to step."""

    keys: Array  # [S], random keys of the actions to come
    carry: Carry  # [S, N, C, ...], the recurrent state


class PolicyPlayer(NamedTuple):
    """A `Player` of `evaluation.evaluate`."""

    act: Callable[..., Any]  # (params, PolicyCarry, observation [S, N, C, D], first [S, N, C]) -> action, PolicyCarry
    begin: Callable[[int, int], PolicyCarry]  # (copies, number of the episode) -> carry


@dataclasses.dataclass(frozen=True, eq=False)
class Policy:
    """One policy per seed of a run, and what it was trained with.

    Attributes:
        source: the run folder or the policy file that it came from.
        step: environment steps per task that it was trained for.
        settings: of its run.
        spec: tasks, sizes and horizon.
        method: that trained it.
        seeds: S of them.
        params: leaves `[S, ...]`.
    """

    source: pathlib.Path
    step: int
    settings: Settings
    spec: Spec
    method: Method
    seeds: tuple[int, ...]
    params: Params

    @property
    def folder(self) -> pathlib.Path:
        """The run folder, or the folder of the policy file; `shipped_policy` for the one of the package."""
        if self.source == SHIPPED_FILE:
            return pathlib.Path("shipped_policy")
        return self.source if self.source.is_dir() else self.source.parent

    def of_seeds(self, *seeds: int) -> "Policy":
        """The policies of some seeds only.

        Raises:
            ValueError: there is no policy of a seed.
        """
        missing = sorted({*seeds} - {*self.seeds})
        if missing or not seeds:
            named = f"seed {missing[0]}" if missing else "no seed"
            raise ValueError(f"{self.source} has no policy of {named}: choose from {', '.join(map(str, self.seeds))}.")
        chosen = np.array([self.seeds.index(seed) for seed in seeds])
        return dataclasses.replace(self, seeds=seeds, params=jax.tree.map(lambda leaf: leaf[chosen], self.params))

    def begin(self, copies: int = 1, episode: int = 0) -> PolicyCarry:
        """The carry for `act` before the first step.

        Args:
            copies: lanes of each seed and task.
            episode: selects the random numbers of sampled actions.
        """
        streams = [jax.random.fold_in(random_key(seed), SAMPLING) for seed in self.seeds]
        keys = [jax.random.fold_in(stream, episode) for stream in streams]
        carry = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(keys)), self.method.begin(copies))
        return PolicyCarry(jnp.stack(keys), carry)

    def act(
        self, carry: PolicyCarry, observation: np.ndarray, first: np.ndarray, *, sample: bool = False
    ) -> tuple[np.ndarray, PolicyCarry]:
        """One action per lane. Lanes are in the order of seeds, tasks, copies, as in a pool: `L = S * N * C`.

        Args:
            carry: of the step before, or from `begin`.
            observation: `[L, D]`.
            first: `[L]` bool, whether the observation begins an episode; the recurrent state starts from zero there.
            sample: draw the actions from the policy; otherwise they are its mean.

        Returns:
            Actions `[L, A]` in [-1, 1], and the carry for the next step.
        """
        observation, starts = self._arranged(observation, first)
        action, carry = self._players[sample].act(self.params, carry, observation, starts)
        return np.asarray(action).reshape(len(first), -1), carry

    def attention(self, carry: PolicyCarry, observation: np.ndarray, first: np.ndarray) -> np.ndarray:
        """How much each of K experts counts in what the actor reads, in the step that `act` takes with these arguments.

        Returns:
            Weights `[L, K]`; each row sums to one.

        Raises:
            ValueError: the method has no experts.
        """
        _, _, intermediates = self._telling(self.params, carry.carry, *self._arranged(observation, first))
        if not intermediates:
            raise ValueError(f"{self.source} is no policy with experts: give one of CMTA, CARE or TSAC on one of them.")
        return np.asarray(intermediates[0]).reshape(len(first), -1)

    def _arranged(self, observation: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lanes `[L, ...]` as `[S, N, C, ...]`."""
        lanes = len(self.seeds), self.spec.num_tasks, len(first) // (len(self.seeds) * self.spec.num_tasks)
        return np.asarray(observation, np.float32).reshape(*lanes, -1), np.reshape(first, lanes)

    @functools.cached_property
    def _telling(self) -> Callable:
        return telling(self)

    @functools.cached_property
    def _players(self) -> dict[bool, PolicyPlayer]:
        return {sample: self.player(sample) for sample in (False, True)}

    def player(self, sample: bool) -> PolicyPlayer:
        """The policies of all seeds, for `evaluation.evaluate`; arguments as in `act`."""

        def act(params, carry, observation, first):
            key, now = jax.random.split(carry.keys)
            action, _, after = self.method.act(params, carry.carry, observation, first, now, sample)
            return action, PolicyCarry(key, after)

        return PolicyPlayer(self.compile(act), self.begin)

    def compile(self, function: Callable) -> Callable:
        """A function of one seed, compiled for all seeds of this policy.

        Its matrix products are rounded as in the policy's run, but not on a CPU: there they are float32.
        """
        device = jax.devices()[0]
        precision = "float32" if device.platform == "cpu" else self.settings.training.matmul_precision
        return for_each_seed(function, spread(len(self.seeds), [device]), precision=precision)
