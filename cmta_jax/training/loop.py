"""Algorithm 1 of the paper: act, learn while the simulators work, store. The loop knows `Method`, no concrete method.

One iteration is one environment step of all lanes and `updates_per_step` updates, in the order of the released code:
the action of step t comes from the parameters before update t, and update t does not see transition t. Two device
programs run per iteration: `learn` (sample, update) and `observe` (store, act). The simulators step during
`learn`.

The two are only dispatched here, which takes the host as long as a fast accelerator takes to do them. `learn` reads
nothing of the running step, so it can be dispatched on either side of the action's way to the simulators. An
accelerator that still works gets it before, so that it never waits for the host; otherwise the action goes first, so
that the simulators do not wait. Results are the same.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from cmta_jax.config import TrainingConfig
from cmta_jax.environments.interface import EnvironmentPool
from cmta_jax.training import packed_step
from cmta_jax.training.divergence import Divergence, NotFinite
from cmta_jax.training.one_seed import TrainState
from cmta_jax.training.program import Program, seed_keys_of
from cmta_jax.types import Metrics


class Moment(NamedTuple):
    """What the loop yields after each iteration; `metrics` is empty during warm-up."""

    step: int  # environment steps per task so far
    state: TrainState
    metrics: Metrics
    divergence: Divergence | tuple[()] = ()  # leaves [S, ...], on the device; () outside the loop


def interact(
    program: Program, pool: EnvironmentPool, config: TrainingConfig, horizon: int, state: TrainState, step: int = 0
) -> Iterator[Moment]:
    """Algorithm 1: trains from `step` to the end of the run, and yields after each iteration (lines 2-20).

    The yielded state is donated to the next iteration: copy what you need for longer. Between two iterations at the
    end of an episode the pool may be used for evaluation; reset it to the next training episode afterwards.

    Args:
        horizon: steps per episode.
        state: at `step`, leaves `[S, ...]`.
        step: environment steps per task so far.

    Raises:
        NotFinite: an action, an observation or a reward is NaN or infinite.
    """
    seed_keys = seed_keys_of(config)
    learner, replay, rollout = state
    lanes = rollout.action.shape[:3]
    metrics, divergence = {}, program.no_divergence(learner, replay, seed_keys)
    learn = _Learning(program, config, seed_keys)
    if step < config.warmup_steps < config.steps_per_task:
        learn.compile_beside(learner, divergence, replay, rollout, step)
    while step < config.steps_per_task:
        learns = step >= config.warmup_steps
        early = learns and _still_works(metrics)
        if early:
            learner, metrics, divergence = learn(learner, divergence, replay, rollout, step)
        action = np.asarray(rollout.action)  # lines 4-10 were computed by the last `observe`
        _require_finite(step, divergence, {"action": action}, TrainState(learner, replay, rollout))
        pool.send(action.reshape(-1, action.shape[-1]))  # line 11: [S * N * C, A]
        if learns and not early:
            learner, metrics, divergence = learn(learner, divergence, replay, rollout, step)
        step_result = pool.receive()
        step_result = step_result._make(leaf.reshape(lanes + leaf.shape[1:]) for leaf in step_result)
        received = {name: getattr(step_result, name) for name in ("next_observation", "observation", "reward")}
        _require_finite(step, divergence, {"action": action, **received}, TrainState(learner, replay, rollout))
        replay, rollout = program.observe(  # line 12, and lines 4-10 of the next step
            learner.params, replay, rollout, packed_step.pack(step_result), seed_keys, np.int32(step)
        )
        rollout.action.copy_to_host_async()  # the copy starts before the loop waits for it
        step += 1
        if step % horizon == 0 and step > config.warmup_steps:
            learner = program.finish_episode(learner, rollout.finished)
        yield Moment(step, TrainState(learner, replay, rollout), metrics, divergence)


class _Learning:
    """Lines 14-19 of a step: `learn`, after a reset of the learner where one is due.

    Args:
        program: compiled for `config`.
        seed_keys: `[S]`.
    """

    def __init__(self, program: Program, config: TrainingConfig, seed_keys: jax.Array):
        self._program, self._config, self._keys = program, config, seed_keys
        self._compiling: threading.Thread | None = None

    def compile_beside(self, learner: Any, divergence: Divergence, replay: Any, rollout: Any, step: int) -> None:
        """Compiles `learn` on another thread; XLA does not hold Python's lock. The first call uses the result."""
        lowered = self._program.learn.lower(learner, divergence, replay, rollout, self._keys, np.int32(step))
        self._compiling = threading.Thread(target=lowered.compile)
        self._compiling.start()

    def __call__(
        self, learner: Any, divergence: Divergence, replay: Any, rollout: Any, step: int
    ) -> tuple[Any, Metrics, Divergence]:
        """The learner, its metrics and the divergence record after the updates of `step`; the arguments are donated."""
        if self._compiling:
            self._compiling = self._compiling.join()
        every, rest = self._config.reset_every, (replay, rollout, self._keys, np.int32(step))
        if every and step % every == 0 and step > self._config.warmup_steps:
            learner, divergence = self._program.reset(learner, divergence, *rest)
        return self._program.learn(learner, divergence, *rest)


def _still_works(results: Any) -> bool:
    """Whether an accelerator has yet to finish these; a CPU is no accelerator: its cores are the simulators', too."""
    leaves = jax.tree.leaves(results)
    return any(device.platform != "cpu" for leaf in leaves if not leaf.is_ready() for device in leaf.devices())


def _require_finite(
    step: int, divergence: Divergence | tuple[()], lanes: Mapping[str, np.ndarray], state: TrainState
) -> None:
    """Raises NotFinite unless all of `lanes` `[S, N, C, ...]` is; adds the policy's carry and observation to it."""
    if not all(np.isfinite(values).all() for values in lanes.values()):
        before = {"observation_before": state.rollout.observation, "carry": state.rollout.carry}
        raise NotFinite(step, divergence, state[:2], {**lanes, **jax.tree.map(np.asarray, before)})
