"""Whether a run can be what it was asked to be: settings against each other, and the replay against the memory."""

import pathlib
from typing import Any

import psutil

from cmta_jax import sac
from cmta_jax.config import TrainingConfig
from cmta_jax.environments import EnvironmentConfig

CONTAINER_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
RESERVE = 2**29  # bytes left to everything that is not the replay


def check_settings(training: TrainingConfig, environment: EnvironmentConfig, method: sac.Config) -> None:
    """Raises ValueError, in one sentence with the remedy, where two settings contradict each other."""
    horizon, tasks = environment.horizon, len(environment.tasks)
    if training.eval_every % horizon:
        below = training.eval_every // horizon * horizon
        values = " or ".join(str(value) for value in (below, below + horizon) if value)
        raise ValueError(
            f"--eval_every={training.eval_every} is no multiple of --horizon={horizon}, and an evaluation needs the "
            f"end of an episode: give {values}."
        )
    if training.steps_per_task <= training.warmup_steps:
        raise ValueError(
            f"--steps_per_task={training.steps_per_task} ends before learning begins: give more than "
            f"--warmup_steps={training.warmup_steps}."
        )
    smallest = method.batch_per_task * tasks
    if training.replay_capacity < smallest:
        raise ValueError(
            f"--replay_capacity={training.replay_capacity} is smaller than a batch of {method.batch_per_task} "
            f"transitions for each of {tasks} tasks: give at least {smallest}."
        )
    if training.seed + training.num_seeds > 2**31:
        raise ValueError(f"--seed={training.seed} leaves no room for --num_seeds={training.num_seeds}: lower it.")


def check_memory(replay_bytes: int, free_bytes: int, capacity: int, where: str = "memory") -> None:
    """Raises ValueError if a replay does not fit.

    Args:
        replay_bytes: what the whole replay takes, of all seeds.
        free_bytes: what is there.
        capacity: transitions that it was to hold, for the remedy.
        where: whose memory, for the sentence.
    """
    if replay_bytes + RESERVE <= free_bytes:
        return
    fitting = max(0, int(0.9 * (free_bytes - RESERVE) / replay_bytes * capacity))
    remedy = f"at most {fitting}" if fitting else "a smaller one, or free memory"
    raise ValueError(
        f"The replay of --replay_capacity={capacity} needs {replay_bytes / 2**30:.1f} GiB, but {where} has "
        f"{free_bytes / 2**30:.1f} GiB free: give {remedy}."
    )


def free_bytes(device: Any = None) -> int:
    """Free memory of an accelerator that can tell, otherwise of this machine or of the container that limits us."""
    statistics = device.memory_stats() if device is not None else None
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return min(psutil.virtual_memory().available, _container_bytes())


def _container_bytes() -> float:
    """What a Linux control group still grants; infinite without one."""
    for limit, used in CONTAINER_FILES:
        try:
            return int(pathlib.Path(limit).read_text()) - int(pathlib.Path(used).read_text())
        except (OSError, ValueError):  # not there, or `max`
            continue
    return float("inf")
