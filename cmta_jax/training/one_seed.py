"""What happens on the device in one step of a run, for one seed: pure functions, and the state that they read."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cmta_jax.config import TrainingConfig
from cmta_jax.random_keys import random_key
from cmta_jax.training import divergence as divergence_lib
from cmta_jax.training import packed_step, reward_scaling
from cmta_jax.training import replay as replay_lib
from cmta_jax.training.divergence import Divergence, Source, Told
from cmta_jax.training.metric_row import MetricRow, in_a_row
from cmta_jax.training.replay import Replay
from cmta_jax.training.reward_scaling import RewardStatistics, RunningStd
from cmta_jax.training.row import Row
from cmta_jax.types import Array, Carry, Method, Metrics, Params, Spec, Transition

Learner = Any  # the method's learner state: a pytree with a field `params`


class Rollout(NamedTuple):
    """Where the lanes of one seed stand; the action is the one to send next."""

    observation: Array  # [N, C, D]
    action: Array  # [N, C, A]
    carry: Carry  # recurrent state before `observation`
    next_carry: Carry  # recurrent state after it
    normalizer: RunningStd
    successes: Array  # [N, C] successful steps in the running episode
    finished: Array  # [N, C] successful steps in the last completed episode
    rewards: RewardStatistics


class TrainState(NamedTuple):
    """The whole state of a run, except for the simulators. In the loop every leaf leads with the seeds `[S, ...]`."""

    learner: Learner
    replay: Replay
    rollout: Rollout


class Keys(NamedTuple):
    """The keys of one step, one per purpose."""

    act: Array
    warmup: Array
    learn: Array


class OneSeed:
    """The pure functions of one seed's run.

    Args:
        batch_per_task: B, transitions per task in a batch.
        discount: per step.
    """

    def __init__(self, method: Method, spec: Spec, config: TrainingConfig, batch_per_task: int, discount: float):
        self.method, self.spec, self.config = method, spec, config
        self.batch_per_task, self.discount = batch_per_task, discount
        # traced once for all programs that ask for it; inlined, so that it compiles as if it were written there
        self.update = jax.jit(method.update, inline=True)
        self.normalized = config.reward_scaling == "running_std"  # whether the replay holds no raw rewards

    def start(self, seed_key: Array, observation: Array) -> TrainState:
        """The state at step 0: fresh parameters, an empty replay, and a uniform first action.

        Args:
            seed_key: the seed's key.
            observation: `[N, C, D]` of the first reset.
        """
        init_key, action_key = jax.random.split(jax.random.fold_in(seed_key, 2**31 - 1))
        lanes = observation.shape[:2]
        carry = self.method.begin(lanes[1])
        action = _uniform(action_key, (*lanes, self.spec.action_dim))
        zeros = jnp.zeros(lanes)
        row = Row(observation, action, zeros, zeros, zeros.astype(bool), carry)
        learner = self.method.init(init_key)
        _, carry, next_carry = self.method.act(learner.params, carry, observation, zeros.astype(bool), action_key, True)
        rollout = Rollout(
            observation, action, carry, next_carry, reward_scaling.init_running_std(lanes), zeros, zeros,
            reward_scaling.init_statistics(lanes),
        )  # fmt: skip
        per_lane = math.ceil(self.config.replay_capacity / math.prod(lanes))
        return TrainState(learner, replay_lib.init(row, replay_lib.rows_for(per_lane, self.spec.horizon)), rollout)

    def no_divergence(self, learner: Learner, replay: Replay, seed_key: Array) -> Divergence:
        """The divergence record that the first `learn` is given; the arguments' shapes count, not their values."""

        def first() -> tuple[Metrics, Source]:
            place = replay_lib.draw(replay, seed_key, self.batch_per_task)
            batch = replay_lib.read(replay, place, self.method.history)
            return self.update(learner, batch, seed_key)[1], Source(place, jnp.zeros(self.spec.num_tasks))

        return divergence_lib.empty(*jax.eval_shape(first))

    def tell(self, divergence: Divergence, learner: Learner, replay: Replay) -> Told:
        """What there is to say of a divergence; the batch is as the method saw it.

        Rows that the replay has overwritten since then hold newer transitions.
        """
        place, factor = divergence.source
        stored = replay_lib.read(replay, place, self.method.history)
        batch = stored._replace(reward=reward_scaling.scale(stored.reward, factor))
        return divergence_lib.tell(divergence, learner.params, batch)

    def learn(
        self, learner: Learner, divergence: Divergence, replay: Replay, rollout: Rollout, seed_key: Array, step: Array
    ) -> tuple[Learner, MetricRow, Divergence]:
        """Algorithm 1, lines 14-19: `updates_per_step` times a batch and an update; metrics of the last one.

        Args:
            rollout: whose statistics scale the rewards of the batch.
            step: int32, environment steps per task so far.
        """
        once = self._updating(replay, rollout, step)
        keys = jax.random.split(keys_at(seed_key, step).learn, self.config.updates_per_step)
        if len(keys) == 1:
            (learner, divergence), metrics = once((learner, divergence), keys[0])
            return learner, metrics, divergence
        (learner, divergence), metrics = jax.lax.scan(once, (learner, divergence), keys)
        return learner, jax.tree.map(lambda values: values[-1], metrics), divergence

    def reset(
        self, learner: Learner, divergence: Divergence, replay: Replay, rollout: Rollout, seed_key: Array, step: Array
    ) -> tuple[Learner, Divergence]:
        """A fresh learner that has made `updates_after_reset` updates on what the replay holds (ARS, ICML 2025).

        Args:
            learner: not read; its memory is used again.
            rollout: whose statistics scale the rewards of the batches.
            step: int32, environment steps per task so far.
        """
        del learner
        init_key, update_key = jax.random.split(keys_at(seed_key, step).warmup)  # no longer used for actions
        carried = self.method.init(init_key), divergence
        once = self._updating(replay, rollout, step)
        keys = jax.random.split(update_key, self.config.updates_after_reset)
        return jax.lax.scan(lambda carried, key: (once(carried, key)[0], None), carried, keys)[0]

    def _updating(self, replay: Replay, rollout: Rollout, step: Array) -> Callable[..., Any]:
        """`((learner, divergence), key) -> ((learner, divergence), metrics)`: a batch and an update."""
        factor = reward_scaling.factor(self.config, rollout.rewards)

        def once(carried, key):
            learner, divergence = carried
            sample_key, update_key = jax.random.split(key)
            place = replay_lib.draw(replay, sample_key, self.batch_per_task)
            stored = replay_lib.read(replay, place, self.method.history)
            batch = stored._replace(reward=reward_scaling.scale(stored.reward, factor))
            learner, metrics = self.update(learner, batch, update_key)
            limit = self.config.max_critic_loss or math.inf
            source = Source(place, jnp.broadcast_to(factor, self.spec.num_tasks).astype(jnp.float32))
            divergence = divergence_lib.check(divergence, step, metrics, source, limit)
            rewards = self._reward_metrics(rollout, stored, factor, metrics)
            return (learner, divergence), in_a_row(metrics | rewards)

        return once

    def _reward_metrics(self, rollout: Rollout, stored: Transition, factor: Any, update: Metrics) -> Metrics:
        """What to log of rewards and values, `[N]` each."""
        rewards = reward_scaling.metrics(
            rollout.normalizer, rollout.rewards, stored=stored.reward, factor=factor, normalized=self.normalized
        )
        return rewards | reward_scaling.value_metrics(update, rollout.rewards, factor, self.discount)

    def observe(
        self, params: Params, replay: Replay, rollout: Rollout, numbers: Array, seed_key: Array, step: Array
    ) -> tuple[Replay, Rollout]:
        """Algorithm 1, lines 11-12 for the action that was sent, and lines 4-10 for the next one.

        Args:
            params: that act.
            numbers: `[N, C, W]`, the `Step` that the pool returned, as `packed_step.pack` gives it.
            step: int32, environment steps per task before that step.
        """
        keys, step_result = keys_at(seed_key, step), packed_step.unpack(numbers)
        normalizer, reward = rollout.normalizer, step_result.reward
        if self.normalized:
            normalizer = normalizer.update(reward, step_result.valid)
            reward = normalizer.normalize(reward)
        transition = Transition(
            rollout.observation, rollout.action, reward, step_result.discount, step_result.next_observation,
            step_result.success, rollout.carry, rollout.next_carry,
        )  # fmt: skip
        replay = replay_lib.add(replay, transition, step_result.first, step_result.valid)
        statistics = reward_scaling.update(
            rollout.rewards, reward, valid=step_result.valid, last=step_result.first,
            replaced=replay_lib.replaced(replay), discount=self.discount,
        )  # fmt: skip
        action, carry, next_carry = self.method.act(
            params, rollout.next_carry, step_result.observation, step_result.first, keys.act, True
        )
        # Deviation 5: uniform actions during the warm-up, all stored
        action = jnp.where(step + 1 < self.config.warmup_steps, _uniform(keys.warmup, action.shape), action)
        successes = rollout.successes + step_result.success.astype(reward.dtype)
        finished = jnp.where(step_result.first, successes, rollout.finished)
        successes = jnp.where(step_result.first, 0.0, successes)
        return replay, Rollout(
            step_result.observation, action, carry, next_carry, normalizer, successes, finished, statistics
        )

    def finish_episode(self, learner: Learner, successes: Array) -> Learner:
        """The learner after an episode with so many successful steps `[N, C]`."""
        return self.method.finish_episode(learner, successes)

    def act(self, params: Params, carry: Carry, observation: Array, first: Array) -> tuple[Array, Carry]:
        """The mode of the policy `[N, C, A]`, and the next carry.

        Args:
            carry: recurrent state before `observation` `[N, C, D]`.
            first: `[N, C]` bool, the observation begins an episode: the carry is zeroed before use.
        """
        action, _, carry = self.method.act(params, carry, observation, first, random_key(0), False)
        return action, carry


def keys_at(seed_key: Array, step: Array) -> Keys:
    """The keys of one step of one seed: a resumed run draws the same numbers (Deviation 17)."""
    return Keys(*jax.random.split(jax.random.fold_in(seed_key, step), len(Keys._fields)))


def _uniform(key: Array, shape: tuple[int, ...]) -> Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)
