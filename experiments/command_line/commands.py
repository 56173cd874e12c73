"""What all commands have in common: help, and one sentence and an exit status for whatever went wrong."""

import os
import pathlib
import sys
from collections.abc import Callable, Sequence

from absl import flags

from experiments.command_line import streams

EXPECTED = (  # any other exception is a mistake in the code
    ValueError, OSError, RuntimeError, ImportError, MemoryError, flags.Error,
)  # fmt: skip


def run_command(
    name: str,
    help: str | None,
    values: flags.FlagValues,
    arguments: Sequence[str],
    action: Callable[..., int | None],
    positional: bool = False,
) -> int:
    """Parses `arguments` into `values` and runs `action(values, *further)`.

    Args:
        action: may return an exit status.
        positional: whether further arguments, which are not flags, are allowed.

    Returns:
        The exit status: that of `action`, by default 0; or 2 after one sentence on what is wrong.
    """
    streams.repair()
    if wants_help(arguments):
        show((help or "") + values.get_help())
        return 0
    try:
        further = values([name, *arguments])[1:]
        if further and not positional:
            raise ValueError(f"Unexpected '{further[0]}': write flags as --name=value.")
        return action(values, *further) or 0
    except EXPECTED as error:
        print(f"{name}: {sentence(error)}", file=sys.stderr)
        return 2


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for help."""
    return not {"--help", "-help", "-h"}.isdisjoint(arguments) or wants_full_help(arguments)


def wants_full_help(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for help on all flags."""
    return not {"--helpfull", "-helpfull"}.isdisjoint(arguments)


def show(text: str) -> None:
    """Prints a text that its reader may leave early, as in `--help | head -1`, or that a full disk refuses."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it exits


def sentence(error: BaseException) -> str:
    """What went wrong, on one line.

    If the system refused a path, the line says which one and why. Of a traceback in the message, as from a worker
    process, only the last line is kept.
    """
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used ({error.strerror}): give another path."
    if isinstance(error, MemoryError):
        return f"Memory ran out ({' '.join(str(error).split()) or 'no more of it for this process'}): free some of it."
    before, traceback, after = str(error).partition("Traceback (most recent call last):")
    lines = [line.strip() for line in after.splitlines() if line.strip()]
    text = f"{before} {lines[-1]}" if traceback and lines else str(error)
    return " ".join(text.split()) or type(error).__name__


def path_of(text: str) -> pathlib.Path:
    """A path from the command line, where `~` is a home folder: shells leave it in `--out=~/x`.

    Raises:
        ValueError: there is no such home folder.
    """
    try:
        return pathlib.Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text} cannot be used (there is no such home folder): give another path.") from None


def policy_flags() -> flags.FlagValues:
    """The flags of commands that play a trained policy."""
    values = flags.FlagValues()
    what = "a run folder, a policy file (.safetensors), or the word shipped: the policy that comes with the package"
    flags.DEFINE_string("workdir", "", what, flag_values=values)
    flags.DEFINE_alias("policy", "workdir", flag_values=values)
    flags.DEFINE_string("step", "newest", "which checkpoint: newest, best or its number", flag_values=values)
    flags.DEFINE_integer("goal_set", 0, "which goal set is filmed or drawn (mixed goals)", 0, 49, flag_values=values)
    flags.DEFINE_integer("env_workers", None, "worker processes that simulate", lower_bound=1, flag_values=values)
    return values
