"""The values that travel between the parts of the program.

Axes, one legend for the whole project:

    S  seeds trained in one program (outermost, always a vmap)
    N  tasks
    C  copies of each task that step at the same time (lanes per task)
    B  transitions per task in a batch
    K  experts        E  critics        D  features        T  time

Every array that a method sees leads with `[N, B]` in a batch and with `[N, C]` when acting: a task is a position on
the first axis, so that nothing carries task indices about. The pool of simulators sees `L = S * N * C` lanes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

Array = jax.Array
Carry = Any  # what a policy remembers between steps: a pytree of [N, B, ...]; () for memoryless policies
Metrics = dict[str, Array]  # scalars or one value per task [N]


class Transition(NamedTuple):
    """One environment step of many lanes; leaves lead with `[N, B]`.

    `discount` is 0 only where the episode really terminated: a time limit bootstraps. `next_observation` is the
    true observation after the action, never that of the next episode. `carry` is the policy's memory before it saw
    `observation`, `next_carry` the one before it saw `next_observation`.
    """

    observation: Array  # [N, B, D]
    action: Array  # [N, B, A], in [-1, 1]
    reward: Array  # [N, B], normalised
    discount: Array  # [N, B], 0 or 1
    next_observation: Array  # [N, B, D]
    success: Array  # [N, B] bool, success at this very step
    carry: Carry
    next_carry: Carry


class Spec(NamedTuple):
    """What a method must know of its environments."""

    task_names: tuple[str, ...]
    observation_dim: int
    action_dim: int
    horizon: int = 150  # steps per episode

    @property
    def num_tasks(self) -> int:
        return len(self.task_names)


class Method(NamedTuple):
    """A learning method: pure functions over one learner state, all jit- and vmap-able.

    A learner state is a pytree with a field `params`; acting reads nothing else. `networks` (see `sac.Networks`) are
    the pieces that the functions are made of, for wrappers (TSAC) and for those who look inside (plots).
    `finish_episode` hears, at the end of each training episode, how many of its steps were successful `[N, C]`.
    """

    init: Callable[[Array], Any]  # (key) -> state
    begin: Callable[[int], Carry]  # (copies) -> carry [N, copies, ...], the memory at an episode's start
    act: Callable[..., tuple[Array, Carry, Carry]]  # see sac.act
    update: Callable[..., tuple[Any, Metrics]]  # (state, batch, key) -> state, metrics
    networks: Any
    finish_episode: Callable[..., Any] = lambda state, successes: state
