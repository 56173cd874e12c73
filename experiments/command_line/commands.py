"""What the commands that look at runs have in common: help, and one sentence and status 2 for whatever is wrong."""

import sys
from collections.abc import Callable, Sequence

from absl import flags


def run_command(
    name: str,
    help: str,
    values: flags.FlagValues,
    arguments: Sequence[str],
    action: Callable[..., None],
    positional: bool = False,
) -> int:
    """Parses `arguments` into `values` and runs `action(values, *further)`.

    Args:
        positional: whether there may be further arguments, which are no flags.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """
    if {"--help", "-h", "-help"} & set(arguments):
        print(help + values.get_help())
        return 0
    try:
        further = values([name, *arguments])[1:]
        if further and not positional:
            raise ValueError(f"Unexpected '{further[0]}': write flags as --name=value.")
        action(values, *further)
    except (ValueError, OSError, flags.Error) as error:
        print(f"{name}: {sentence(error)}", file=sys.stderr)
        return 2
    return 0


def sentence(error: Exception) -> str:
    """What went wrong, on one line; of a path that the system refuses, which and why."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used ({error.strerror}): give another path."
    return " ".join(str(error).split())


def policy_flags() -> flags.FlagValues:
    """The flags of commands that play a trained policy."""
    values = flags.FlagValues()
    flags.DEFINE_string("workdir", "", "a run folder, or a policy file (.safetensors)", flag_values=values)
    flags.DEFINE_string("step", "newest", "which checkpoint: newest, best or its number", flag_values=values)
    flags.DEFINE_integer("goal_set", 0, "which goal set is filmed or drawn (mixed goals)", 0, 49, flag_values=values)
    flags.DEFINE_integer("env_workers", None, "processes that simulate", lower_bound=1, flag_values=values)
    return values
