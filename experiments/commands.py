"""What the commands that look at runs have in common: help, and one sentence and status 2 for whatever is wrong."""

import sys
from collections.abc import Callable, Sequence

from absl import flags


def run_command(
    name: str, help: str, values: flags.FlagValues, arguments: Sequence[str], action: Callable[[flags.FlagValues], None]
) -> int:
    """Parses `arguments` into `values` and runs `action(values)`.

    Returns:
        The exit status: 0, or 2 after one sentence on what is wrong.
    """
    if {"--help", "-h", "-help"} & set(arguments):
        print(help + values.get_help())
        return 0
    try:
        further = values([name, *arguments])[1:]
        if further:
            raise ValueError(f"Unexpected '{further[0]}': write flags as --name=value.")
        action(values)
    except (ValueError, OSError, flags.Error) as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
