"""Settings: frozen dataclasses whose fields carry their help text and range. Imports no JAX.

The flags of the command line are generated from these fields, so a setting is written down once.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Allowed(NamedTuple):
    """The values that a setting may have."""

    choices: tuple[str, ...] = ()  # the only values; empty = any
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False  # the minimum itself is not allowed


def one_of(*choices: str) -> Allowed:
    """One of these names."""
    return Allowed(choices)


def at_least(minimum: float) -> Allowed:
    """`minimum` or more."""
    return Allowed(minimum=minimum)


def above(minimum: float) -> Allowed:
    """More than `minimum`."""
    return Allowed(minimum=minimum, exclusive=True)


def between(minimum: float, maximum: float) -> Allowed:
    """From `minimum` to `maximum`, both included."""
    return Allowed(minimum=minimum, maximum=maximum)


def setting(
    default: Any,
    help: str,
    allowed: Allowed = Allowed(),  # noqa: B008  immutable
    refusal: str = "--{flag}={value} is not possible: {remedy}.",
) -> Any:
    """A dataclass field with a help text (which gives the unit) and the values that `check` accepts.

    Args:
        default: the value if none is given; the field's annotation must be its type.
        help: one line, the unit included.
        allowed: what `check` accepts; numbers must always be finite.
        refusal: the error's sentence; `{flag}`, `{value}` and `{remedy}` are filled in.
    """
    return dataclasses.field(default=default, metadata={"help": help, "allowed": allowed, "refusal": refusal})


def check(config: Any, flag_of: Callable[[str], str] = str) -> None:
    """Checks every field made with `setting`.

    Args:
        config: a dataclass instance.
        flag_of: turns a field's name into the name of its flag.

    Raises:
        ValueError: naming the flag, the value and what is allowed.
    """
    for field in dataclasses.fields(config):
        value, remedy = getattr(config, field.name), None
        if field.metadata and value is not None:
            remedy = _remedy(value, field.metadata["allowed"])
        if remedy:
            sentence = field.metadata["refusal"]
            raise ValueError(sentence.format(flag=flag_of(field.name), value=value, remedy=remedy))


def _remedy(value: Any, allowed: Allowed) -> str | None:
    """What to give instead of `value`; None if it is allowed."""
    choices, minimum, maximum, exclusive = allowed
    if choices and value not in choices:
        return "choose one of " + ", ".join(choices)
    if isinstance(value, float) and not math.isfinite(value):
        return "give a finite number"
    if minimum is not None and (value < minimum or (exclusive and value == minimum)):
        return f"give a value {'larger than' if exclusive else 'of at least'} {minimum}"
    if maximum is not None and value > maximum:
        return f"give a value of at most {maximum}"
    return None


PRECISIONS = ("float32", "tensorfloat32", "bfloat16")
REWARD_SCALINGS = ("none", "running_std", "mean", "max_return")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """The run: how long, how often, from which seeds. Defaults are the paper's (Table 3, sections 5.1 and 5.3)."""

    steps_per_task: int = setting(2_400_000, "length of the run, in environment steps per task", between(1, 2**31 - 2))
    warmup_steps: int = setting(1500, "first steps per task, with uniform actions and no updates", at_least(1))
    updates_per_step: int = setting(1, "gradient updates per environment step", at_least(1))
    matmul_precision: str = setting(
        "float32",
        "what matrix products round their inputs to; parameters and sums stay float32",
        one_of(*PRECISIONS),
    )
    copies_per_task: int = setting(1, "copies of each task that step at the same time", at_least(1))
    replay_capacity: int = setting(5_000_000, "transitions kept per seed, over all tasks", at_least(1))
    eval_every: int = setting(3000, "steps per task between evaluations, a multiple of --horizon", at_least(1))
    eval_episodes: int = setting(1, "episodes per task in an evaluation", at_least(1))
    reward_scaling: str = setting(
        "running_std",
        "what rewards are divided by: nothing, their running deviation (the released code), their task's mean in the "
        "replay (ARS), their task's largest return (BRC)",
        one_of(*REWARD_SCALINGS),
    )
    reward_scale: float = setting(1.0, "what rewards are multiplied by after --reward_scaling", above(0.0))
    reset_every: int = setting(
        0,
        "steps per task between resets of networks, optimisers and temperatures, replay kept (ARS); 0 = never",
        at_least(0),
    )
    updates_after_reset: int = setting(1000, "updates that follow a reset at once (ARS: 1000)", at_least(0))
    max_critic_loss: float = setting(1e8, "critic loss that stops the run, as in mtrl; 0 = no limit", at_least(0.0))
    log_every: int = setting(1000, "steps per task between rows of train.csv", at_least(1))
    checkpoint_every: int = setting(15_000, "steps per task between checkpoints", at_least(1))
    keep_checkpoints: int = setting(3, "newest checkpoints that are kept", at_least(1))
    seed: int = setting(0, "first seed", between(0, 2**31 - 1))
    num_seeds: int = setting(1, "seeds trained in one program: --seed, --seed + 1, ...", at_least(1))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the run, `num_seeds` of them."""
        return tuple(range(self.seed, self.seed + self.num_seeds))
