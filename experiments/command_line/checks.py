"""Checks before a run: the device, settings against each other, and the replay against the free memory."""

import os
from typing import Any

import jax

from cmta_jax.environments.pool import resources
from cmta_jax.runs.settings import Settings

RESERVE = 2**29  # bytes left to everything that is not the replay


def find_device() -> Any:
    """The first device of JAX.

    Raises:
        ValueError: JAX has none, because JAX_PLATFORMS names a kind of device that is not there.
    """
    try:
        return jax.devices()[0]
    except (RuntimeError, AssertionError) as error:  # JAX asserts that it has found one
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise ValueError(
            f"JAX finds no device with JAX_PLATFORMS={asked}: unset it, or install jax for that device, as in "
            "pip install 'jax[cuda12]'."
        ) from error


def check_compiler() -> None:
    """Raises ValueError where JAX was told not to compile."""
    if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]: made when JAX is imported
        raise ValueError(
            "JAX_DISABLE_JIT=1 would make a run hundreds of times slower, and its checkpoints need compiled functions: "
            "unset it, and use jax.debug.print to see values."
        )


def check_settings(settings: Settings) -> None:
    """Raises ValueError, in one sentence with the remedy, where two settings contradict each other."""
    training, environment, method = settings.training, settings.environment, settings.method
    horizon, tasks, copies = environment.horizon, len(environment.tasks), training.copies_per_task
    if training.eval_every % horizon:
        raise ValueError(
            f"--eval_every={training.eval_every} is not a multiple of --horizon={horizon}, and an evaluation needs the "
            f"end of an episode: give {_multiples(training.eval_every, horizon)}."
        )
    if training.eval_episodes % copies and not settings.run.resume:
        raise ValueError(
            f"--eval_episodes={training.eval_episodes} is not a multiple of --copies_per_task={copies}, and every copy "
            f"plays the same number of episodes: give {_multiples(training.eval_episodes, copies)}."
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
        raise ValueError(
            f"--seed={training.seed} is too large for --num_seeds={training.num_seeds}: give at most "
            f"{2**31 - training.num_seeds}."
        )


def _multiples(value: int, of: int) -> str:
    """The multiples of a number next to a value that is none."""
    below = value // of * of
    return " or ".join(str(value) for value in (below, below + of) if value)


def check_memory(replay_bytes: int, free_bytes: int, capacity: int, where: str = "memory") -> None:
    """Raises ValueError if a replay does not fit.

    Args:
        replay_bytes: size of the whole replay, of all seeds.
        free_bytes: free memory.
        capacity: `--replay_capacity`, for the remedy.
        where: whose memory it is, for the sentence.
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
    """Free memory of a JAX device that reports it, otherwise of this machine or of its container."""
    statistics = device.memory_stats() if device is not None else None
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return resources.free_memory()
