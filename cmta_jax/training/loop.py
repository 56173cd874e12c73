"""The loop: act, learn while the simulators work, store. It knows `Method`, never a concrete method.

One iteration is one environment step of all lanes and `updates_per_step` updates, in the reference's order: the action
of step t comes from the parameters before update t, and update t does not see transition t. Two device programs run
per iteration, `learn` (sample + update) and `observe` (normalise + store + act); the simulators step meanwhile.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cmta_jax.config import TrainingConfig
from cmta_jax.training import divergence, replay, reward_normalizer
from cmta_jax.training.divergence import NotFinite, Watch
from cmta_jax.training.replay import Replay, Row
from cmta_jax.training.reward_normalizer import RewardNormalizer
from cmta_jax.training.seed_axis import for_each_seed, spread
from cmta_jax.types import Array, Carry, Method, Metrics, Spec, Transition


class Rollout(NamedTuple):
    """Where the lanes of one seed stand; the action is the one to send next."""

    observation: Array  # [N, C, D]
    action: Array  # [N, C, A]
    carry: Carry  # memory before `observation`
    next_carry: Carry  # memory after it
    normalizer: RewardNormalizer
    successes: Array  # [N, C] successful steps in the running episode
    finished: Array  # [N, C] successful steps in the last completed episode


class TrainState(NamedTuple):
    """Everything that a run is, but for the simulators; every leaf leads with the seeds `[S, ...]`."""

    learner: Any
    replay: Replay
    rollout: Rollout


class Moment(NamedTuple):
    """What the loop yields after each iteration; `metrics` is empty during warm-up."""

    step: int  # environment steps per task so far
    state: TrainState
    metrics: Metrics
    watch: Watch | tuple[()] = ()  # [S, ...], on the device; () during warm-up


class Keys(NamedTuple):
    """One key per purpose at one step."""

    act: Array
    warmup: Array
    learn: Array


class Program(NamedTuple):
    """The compiled functions of a run, each for all seeds (`seed_axis`)."""

    start: Callable[..., TrainState]  # (keys [S], observation [S, N, C, D]) -> state at step 0
    watch: Callable[..., Watch]  # (learner, replay) -> the watch that `learn` begins with
    learn: Callable[..., tuple[Any, Metrics, Watch]]  # (learner, watch, replay, keys, step), two donated
    observe: Callable[..., tuple[Replay, Rollout]]  # (params, replay, rollout, outcome, keys, step), two donated
    finish_episode: Callable[..., Any]  # (learner, successes [S, N, C]), learner donated
    act: Callable[..., tuple[Array, Carry]]  # (params, carry, observation, first) -> mode of the policy, memory


def compile_program(
    method: Method,
    spec: Spec,
    config: TrainingConfig,
    batch_per_task: int,
    devices: Sequence[jax.Device] | None = None,
) -> Program:
    """The run's jitted functions; nothing is compiled before the first call.

    Args:
        devices: that the seeds are spread over; by default all.
    """
    lanes = spec.num_tasks * config.copies_per_task
    rows = replay.rows_for(-(-config.replay_capacity // lanes), spec.horizon)

    def start(seed_key, observation):
        return _start(method, spec, rows, seed_key, observation)

    def begin_watch(learner, memory):
        return _begin_watch(method, batch_per_task, learner, memory)

    def learn(learner, seen, memory, seed_key, step):
        return _learn(method, config, batch_per_task, learner, seen, memory, seed_key, step)

    def observe(params, memory, rollout, outcome, seed_key, step):
        return _observe(method, config.warmup_steps, params, memory, rollout, outcome, seed_key, step)

    def act(params, carry, observation, first):
        action, _, carry = method.act(params, carry, observation, first, jax.random.key(0), False)
        return action, carry

    over = functools.partial(for_each_seed, mesh=spread(config.num_seeds, devices), precision=config.matmul_precision)
    return Program(
        start=over(start, once=True),
        watch=over(begin_watch),
        learn=over(learn, shared=[4], donate=[0, 1]),
        observe=over(observe, shared=[5], donate=[1, 2]),
        finish_episode=over(method.finish_episode, donate=[0]),
        act=over(act),
    )


def interact(
    program: Program, pool: Any, config: TrainingConfig, horizon: int, state: TrainState, step: int = 0
) -> Iterator[Moment]:
    """Trains from `step` to the end of the run, yielding after each iteration.

    The yielded state is donated to the next iteration: copy what must outlive it. Between two iterations at an
    episode boundary the pool may be used for evaluation, if it is reset to the next training episode afterwards.

    Raises:
        NotFinite: an action, an observation or a reward is not finite.
    """
    seed_keys = seed_keys_of(config)
    learner, memory, rollout = state
    lanes = rollout.action.shape[:3]
    metrics, seen = {}, ()
    while step < config.steps_per_task:
        action = np.asarray(rollout.action)
        _require_finite(step, seen, {"action": action}, rollout)
        pool.send(action.reshape(-1, action.shape[-1]))
        if step >= config.warmup_steps:
            seen = seen or program.watch(learner, memory)
            learner, metrics, seen = program.learn(learner, seen, memory, seed_keys, np.int32(step))
        outcome = pool.receive()
        outcome = outcome._make(leaf.reshape(lanes + leaf.shape[1:]) for leaf in outcome)
        said = {name: getattr(outcome, name) for name in ("next_observation", "observation", "reward")}
        _require_finite(step, seen, {"action": action, **said}, rollout)
        memory, rollout = program.observe(learner.params, memory, rollout, outcome, seed_keys, np.int32(step))
        step += 1
        if step % horizon == 0 and step > config.warmup_steps:
            learner = program.finish_episode(learner, rollout.finished)
        yield Moment(step, TrainState(learner, memory, rollout), metrics, seen)


def _require_finite(step: int, seen: Watch | tuple[()], lanes: dict[str, np.ndarray], rollout: Rollout) -> None:
    """Raises NotFinite unless all of `lanes` `[S, N, C, ...]` is; the policy's memory and observation go with it."""
    if not all(np.isfinite(values).all() for values in lanes.values()):
        before = {"observation_before": rollout.observation, "carry": rollout.carry}
        raise NotFinite(step, seen, lanes | jax.tree.map(np.asarray, before))


def seed_keys_of(config: TrainingConfig) -> Array:
    """One key per seed `[S]`; a run of several seeds holds the same keys as the single runs."""
    return jax.vmap(jax.random.key)(config.seed + jnp.arange(config.num_seeds))


def keys_at(seed_key: Array, step: Array) -> Keys:
    """The keys of one step of one seed: a resumed run draws the same numbers."""
    return Keys(*jax.random.split(jax.random.fold_in(seed_key, step), len(Keys._fields)))


def _start(method: Method, spec: Spec, rows_per_lane: int, seed_key: Array, observation: Array) -> TrainState:
    init_key, action_key = jax.random.split(jax.random.fold_in(seed_key, 2**31 - 1))
    lanes = observation.shape[:2]
    carry = method.begin(lanes[1])
    action = _uniform(action_key, (*lanes, spec.action_dim))
    zeros = jnp.zeros(lanes)
    row = Row(observation, action, zeros, zeros, zeros.astype(bool), carry)
    learner = method.init(init_key)
    _, carry, next_carry = method.act(learner.params, carry, observation, zeros.astype(bool), action_key, True)
    rollout = Rollout(observation, action, carry, next_carry, reward_normalizer.init(lanes), zeros, zeros)
    return TrainState(learner, replay.init(row, rows_per_lane), rollout)


def _begin_watch(method: Method, batch_per_task: int, learner: Any, memory: Replay) -> Watch:
    key = jax.random.key(0)
    batch = jax.eval_shape(lambda: replay.sample(memory, key, batch_per_task))
    learner, metrics = jax.eval_shape(method.update, learner, batch, key)
    return divergence.start(metrics, jax.eval_shape(divergence.norms_of, learner.params), batch)


def _learn(method, config, batch_per_task, learner, seen, memory, seed_key, step):
    limit = config.max_critic_loss or math.inf

    def once(carried, key):
        learner, seen = carried
        sample_key, update_key = jax.random.split(key)
        batch = replay.sample(memory, sample_key, batch_per_task)
        learner, metrics = method.update(learner, batch, update_key)
        return (learner, divergence.look(seen, step, metrics, learner.params, batch, limit)), metrics

    keys = jax.random.split(keys_at(seed_key, step).learn, config.updates_per_step)
    if len(keys) == 1:
        (learner, seen), metrics = once((learner, seen), keys[0])
        return learner, metrics, seen
    (learner, seen), metrics = jax.lax.scan(once, (learner, seen), keys)
    return learner, jax.tree.map(lambda values: values[-1], metrics), seen


def _observe(method, warmup_steps, params, memory, rollout, outcome, seed_key, step):
    keys = keys_at(seed_key, step)
    normalizer, reward = reward_normalizer.normalize(rollout.normalizer, outcome.reward, outcome.valid)
    transition = Transition(
        rollout.observation, rollout.action, reward, outcome.discount, outcome.next_observation,
        outcome.success, rollout.carry, rollout.next_carry,
    )  # fmt: skip
    memory = replay.add(memory, transition, outcome.first, outcome.valid)
    action, carry, next_carry = method.act(
        params, rollout.next_carry, outcome.observation, outcome.first, keys.act, True
    )
    action = jnp.where(step + 1 < warmup_steps, _uniform(keys.warmup, action.shape), action)
    successes = rollout.successes + outcome.success.astype(reward.dtype)
    finished = jnp.where(outcome.first, successes, rollout.finished)
    successes = jnp.where(outcome.first, 0.0, successes)
    return memory, Rollout(outcome.observation, action, carry, next_carry, normalizer, successes, finished)


def _uniform(key: Array, shape: tuple[int, ...]) -> Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)
