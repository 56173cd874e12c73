"""From raw rewards to the rewards that a method learns from: `--reward_scaling` (Deviation 24).

- `none`: raw.
- `running_std`: divided by its running deviation when it is stored, as the released code does (`normalized_env.py`).
- `mean`: times `max_j m_j / max(m_i, 0.01)` when it is sampled; m_i = mean of the absolute rewards of task i in the
  replay (ARS, Cho et al., ICML 2025; there the mean of rewards, which are not negative).
- `max_return`: divided by the largest discounted return of the task so far, at least 0.01, when it is sampled (BRC,
  Nauman et al., NeurIPS 2025).

In all four the result is multiplied by `--reward_scale`. What acts at sampling gives all rows of a task one scale;
`running_std` keeps each reward in the replay at the scale of the day on which it was stored. That does harm with v2
rewards, 0 to 10 in every task: a task in which little happens has a tiny deviation, so its rewards grow
(docs/learning.md).
"""

from typing import NamedTuple

import jax.numpy as jnp

from cmta_jax.config import TrainingConfig
from cmta_jax.types import Array, Metrics

RATE, EPSILON = 0.001, 1e-8  # of `running_std`
SMALLEST = 0.01  # no task is scaled up by more than this allows


class RunningStd(NamedTuple):
    """Exponential running mean and variance of each environment's raw reward, `[N, C]` each."""

    mean: Array
    variance: Array

    def update(self, reward: Array, valid: Array) -> "RunningStd":
        """Takes in one raw reward per environment `[N, C]`; where not `valid` (a fault), the statistics stay.

        The variance uses the mean that has just been updated.
        """
        rate = jnp.where(valid, RATE, 0.0).astype(reward.dtype)
        mean = (1.0 - rate) * self.mean + rate * reward
        return RunningStd(mean, (1.0 - rate) * self.variance + rate * jnp.square(reward - mean))

    def normalize(self, reward: Array) -> Array:
        """Rewards `[N, C]` over their deviation, not centred."""
        return reward / (jnp.sqrt(self.variance) + EPSILON)


class RewardStatistics(NamedTuple):
    """What the other scalings and the metrics need, of rewards as the replay holds them; `[N, C]` each, at first 0."""

    count: Array  # transitions in the replay, without those that the next step overwrites
    mean: Array  # of their absolute rewards
    largest: Array  # absolute reward so far
    trace: Array  # G_t = discount * G_{t-1} + r_t of the running episode
    largest_trace: Array  # |G_t| so far
    steps: Array  # of the running episode
    weight: Array  # w_t = discount * w_{t-1} + 1 of the running episode
    weighted: Array  # sum of w_t r_t over the running episode: of the discounted rewards to come at each of its steps
    to_come: Array  # the same of the last completed episode, divided by its steps


def init_running_std(lanes: tuple[int, ...]) -> RunningStd:
    """Mean 0 and variance 1."""
    return RunningStd(jnp.zeros(lanes), jnp.ones(lanes))


def init_statistics(lanes: tuple[int, ...]) -> RewardStatistics:
    """Statistics of no rewards: all zero, which is also what a checkpoint of an older version begins with."""
    return RewardStatistics(*(jnp.zeros(lanes) for _ in RewardStatistics._fields))


def update(
    statistics: RewardStatistics, reward: Array, *, valid: Array, last: Array, replaced: tuple[Array, Array],
    discount: float,
) -> RewardStatistics:  # fmt: skip
    """Takes in one transition per lane.

    Args:
        reward: `[N, C]`, as it is stored.
        valid: `[N, C]` bool, false where the transition is dropped (a fault).
        last: `[N, C]` bool, the next transition begins another episode.
        replaced: from `replay.replaced` after the transition was stored: what the next step overwrites.
        discount: per step.
    """
    taken, size = valid.astype(reward.dtype), jnp.abs(jnp.where(valid, reward, 0.0))
    old_count, old_sum = replaced
    count = jnp.maximum(statistics.count + taken - old_count, 0.0)
    change = size - taken * statistics.mean - (old_sum - old_count * statistics.mean)
    mean = jnp.where(count > 0, statistics.mean + change / jnp.maximum(count, 1.0), 0.0)
    trace = jnp.where(valid, discount * statistics.trace + reward, statistics.trace)
    weight = jnp.where(valid, discount * statistics.weight + 1.0, statistics.weight)
    weighted = statistics.weighted + jnp.where(valid, weight * reward, 0.0)
    steps = statistics.steps + taken
    completed = last & valid
    return RewardStatistics(
        count,
        mean,
        jnp.maximum(statistics.largest, size),
        jnp.where(last, 0.0, trace),
        jnp.maximum(statistics.largest_trace, jnp.abs(trace)),
        jnp.where(last, 0.0, steps),
        jnp.where(last, 0.0, weight),
        jnp.where(last, 0.0, weighted),
        jnp.where(completed, weighted / jnp.maximum(steps, 1.0), statistics.to_come),
    )


def factor(config: TrainingConfig, statistics: RewardStatistics) -> Array | float:
    """What the rewards of a sampled batch are multiplied by: one number, or one per task `[N]`."""
    if config.reward_scaling == "mean":
        stored = jnp.maximum(statistics.count.sum(axis=1), 1.0)
        means = (statistics.count * statistics.mean).sum(axis=1) / stored
        return config.reward_scale * means.max() / jnp.maximum(means, SMALLEST)
    if config.reward_scaling == "max_return":
        return config.reward_scale / jnp.maximum(statistics.largest_trace.max(axis=1), SMALLEST)
    return config.reward_scale


def scale(reward: Array, factor: Array | float) -> Array:
    """Rewards of a batch `[N, B]` times their task's factor; untouched where the factor is the number 1."""
    if isinstance(factor, float | int):
        return reward if factor == 1.0 else factor * reward
    return factor[:, None] * reward


def metrics(
    running: RunningStd, statistics: RewardStatistics, *, stored: Array, factor: Array | float, normalized: bool
) -> Metrics:
    """Mean and deviation of the batch's rewards, raw and as the method sees them, per task `[N]`.

    Args:
        stored: `[N, B]`, as the replay holds them.
        factor: they are multiplied by.
        normalized: the replay holds no raw rewards; the raw ones' running mean and deviation are given instead.
    """
    raw = stored.mean(axis=1), stored.std(axis=1)
    if normalized:
        raw = running.mean.mean(axis=1), jnp.sqrt(running.variance).mean(axis=1)
    scaled = scale(stored, factor)
    return {
        "raw_reward_mean": raw[0], "raw_reward_std": raw[1],
        "reward_mean": scaled.mean(axis=1), "reward_std": scaled.std(axis=1),
    }  # fmt: skip


def value_metrics(update: Metrics, statistics: RewardStatistics, factor: Array | float, discount: float) -> Metrics:
    """What Q should be beside what it is, per task `[N]`; nothing if the method logs no `q_mean`.

    `value_gap` is the batch's mean Q less the discounted rewards that were still to come, on average over the steps of
    the last completed episode. A sound critic has a gap too: Q counts entropy and goes on after the time limit. A gap
    that grows without end is a fault. `value_limit` is the most that rewards and entropy can give, the largest scaled
    reward so far (and the entropy bonus) at every step for ever.

    Args:
        update: the metrics of the update.
        factor: the rewards are multiplied by.
        discount: per step.
    """
    if "q_mean" not in update:
        return {}
    gap = update["q_mean"] - factor * statistics.to_come.mean(axis=1)
    if discount == 1.0:
        return {"value_gap": gap}
    bonus = jnp.maximum(update["temperature"] * update["entropy"], 0.0) if "entropy" in update else 0.0
    limit = (factor * statistics.largest.max(axis=1) + bonus) / (1.0 - discount)
    return {"value_gap": gap, "value_limit": limit}
