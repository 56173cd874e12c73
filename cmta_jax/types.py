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

from typing import Any, NamedTuple, Protocol

import jax

Array = jax.Array
Carry = Any  # recurrent state of a policy: a pytree of [N, B, ...]; () for a policy without one
Params = Any  # parameters: a pytree of arrays; for one module flax's nested dicts
LearnerState = Any  # a method's own pytree with a field `params`, all that acting reads
Metrics = dict[str, Array]  # scalars or one value per task [N]


class Transition(NamedTuple):
    """One environment step of many lanes; leaves lead with `[N, B]`.

    `discount` is 0 only where the episode really terminated: a time limit bootstraps. `next_observation` is the
    true observation after the action, never that of the next episode. `carry` is the policy's recurrent state
    before it read `observation`, `next_carry` the one before it read `next_observation`; both are a `History` where the
    method asks for one.
    """

    observation: Array  # [N, B, D]
    action: Array  # [N, B, A], in [-1, 1]
    reward: Array  # [N, B], scaled (`training.reward_scaling`)
    discount: Array  # [N, B], 0 or 1
    next_observation: Array  # [N, B, D]
    success: Array  # [N, B] bool, success at this very step
    carry: Carry
    next_carry: Carry


class History(NamedTuple):
    """A recurrent state of some steps ago and what was seen since; stands for a `Carry` in a batch.

    The encoder recomputes the state from it, with the parameters of today and with a gradient through all `T` steps.
    """

    carry: Carry  # [N, B, ...], before the first observation that was `seen`
    observation: Array  # [T, N, B, D], oldest first
    seen: Array  # [T, N, B] bool; false = before the episode or before the oldest row: this step is skipped


class Spec(NamedTuple):
    """What a method must know of its environments."""

    task_names: tuple[str, ...]
    observation_dim: int
    action_dim: int
    horizon: int = 150  # steps per episode

    @property
    def num_tasks(self) -> int:
        return len(self.task_names)


class Init(Protocol):
    """Fresh parameters, targets and optimiser states."""

    def __call__(self, key: Array, /) -> LearnerState: ...


class Begin(Protocol):
    """The recurrent state at the start of an episode: `copies` -> carry `[N, copies, ...]`, or `()`."""

    def __call__(self, copies: int, /) -> Carry: ...


class Act(Protocol):
    """One action per lane.

    Args:
        params: the field `params` of a learner state.
        carry: recurrent state `[N, C, ...]` before the step; lanes with `first` start from zero instead.
        observation: `[N, C, D]`.
        first: `[N, C]` bool, the observation begins an episode.
        key: for the exploration noise.
        explore: sample (true) or take the mode (false).

    Returns:
        Actions `[N, C, A]` in [-1, 1]; the carry that this step started from; the carry after it.
    """

    def __call__(
        self, params: Params, carry: Carry, observation: Array, first: Array, key: Array, explore: bool | Array, /
    ) -> tuple[Array, Carry, Carry]: ...


class Update(Protocol):
    """One gradient step of everything.

    Args:
        state: the learner state.
        batch: leaves `[N, B, ...]`.
        key: for the noise of the sampled actions.

    Returns:
        The new learner state, and scalars `[]` or one value per task `[N]` by name.
    """

    def __call__(self, state: LearnerState, batch: Transition, key: Array, /) -> tuple[LearnerState, Metrics]: ...


class FinishEpisode(Protocol):
    """The learner state after a training episode in which `successes` `[N, C]` steps of each lane were successful."""

    def __call__(self, state: LearnerState, successes: Array, /) -> LearnerState: ...


def ignore_episode(state: LearnerState, successes: Array, /) -> LearnerState:
    """`FinishEpisode` of a method that learns nothing at the end of an episode."""
    return state


class Method(NamedTuple):
    """A learning method: pure functions over one learner state, all jit- and vmap-able.

    `networks` are the pieces that the functions are made of (`sac.Networks`, one floor above this file), for wrappers
    (TSAC) and for plots. `history` is the number of steps T of the `History` that a batch has in place of its carries.
    """

    init: Init
    begin: Begin
    act: Act
    update: Update
    networks: Any
    finish_episode: FinishEpisode = ignore_episode
    history: int = 0
