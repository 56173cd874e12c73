"""Settings: frozen dataclasses whose fields carry their help text and range. Imports no JAX.

The flags of the command line are generated from these fields, so a setting is written down once.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    exclusive: bool = False,
    refusal: str = "--{flag}={value} is not possible: {remedy}.",
) -> Any:
    """A dataclass field with a help text (which gives the unit) and the values that `check` accepts.

    Args:
        default: the value if none is given; the field's annotation must be its type.
        help: one line, the unit included.
        choices: the only values allowed.
        minimum: smallest value allowed; with `exclusive` the value must be larger.
        maximum: largest value allowed.
        refusal: the error's sentence; `{flag}`, `{value}` and `{remedy}` are filled in.
    """
    limits = {"choices": choices, "minimum": minimum, "maximum": maximum, "exclusive": exclusive}
    return dataclasses.field(default=default, metadata={"help": help, "refusal": refusal, **limits})


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
            remedy = _remedy(value, **{name: field.metadata[name] for name in LIMITS})
        if remedy:
            sentence = field.metadata["refusal"]
            raise ValueError(sentence.format(flag=flag_of(field.name), value=value, remedy=remedy))


LIMITS = ("choices", "minimum", "maximum", "exclusive")


def _remedy(
    value: Any,
    *,
    choices: tuple[str, ...] | None,
    minimum: float | None,
    maximum: float | None,
    exclusive: bool,
) -> str | None:
    """What to give instead of `value`; None if it is in range."""
    if choices is not None and value not in choices:
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
    """The run: how long, how often, from which seeds. Defaults are the paper's (Table 3, section 5.1)."""

    steps_per_task: int = setting(
        2_400_000, "length of the run, in environment steps per task", minimum=1, maximum=2**31 - 2
    )
    warmup_steps: int = setting(1500, "first steps per task, with uniform actions and no updates", minimum=1)
    updates_per_step: int = setting(1, "gradient updates per environment step", minimum=1)
    matmul_precision: str = setting(
        "float32",
        "what matrix products round their inputs to; parameters and sums stay float32",
        choices=PRECISIONS,
    )
    copies_per_task: int = setting(1, "copies of each task that step at the same time", minimum=1)
    replay_capacity: int = setting(5_000_000, "transitions kept per seed, over all tasks", minimum=1)
    eval_every: int = setting(3000, "steps per task between evaluations, a multiple of --horizon", minimum=1)
    eval_episodes: int = setting(1, "episodes per task in an evaluation", minimum=1)
    reward_scaling: str = setting(
        "running_std",
        "what rewards are divided by: nothing, their running deviation (the released code), their task's mean in the "
        "replay (ARS), their task's largest return (BRC)",
        choices=REWARD_SCALINGS,
    )
    reward_scale: float = setting(
        1.0, "what rewards are multiplied by after --reward_scaling", minimum=0.0, exclusive=True
    )
    max_critic_loss: float = setting(1e8, "critic loss that stops the run, as in mtrl; 0 = no limit", minimum=0.0)
    log_every: int = setting(1000, "steps per task between rows of train.csv", minimum=1)
    checkpoint_every: int = setting(15_000, "steps per task between checkpoints", minimum=1)
    keep_checkpoints: int = setting(3, "newest checkpoints that are kept", minimum=1)
    seed: int = setting(0, "first seed", minimum=0, maximum=2**31 - 1)
    num_seeds: int = setting(1, "seeds trained in one program: --seed, --seed + 1, ...", minimum=1)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the run, `num_seeds` of them."""
        return tuple(range(self.seed, self.seed + self.num_seeds))
