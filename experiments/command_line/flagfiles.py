"""Flagfiles: one flag per line, `#` or `//` begins a comment line, `--flagfile=other` includes another file there.

A name is looked for beside the including file, then in the working directory, then among the files shipped here.
"""

import difflib
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from cmta_jax.storage.flags_file import read_lines

SHIPPED = pathlib.Path(__file__).parents[1] / "flags"
MOST = 200  # files that one command may read


class Argument(NamedTuple):
    """One command-line argument and where it stands."""

    text: str
    origin: str = ""  # `file, line 3`; empty for the command line


def expand(arguments: Sequence[str]) -> list[Argument]:
    """The command line with every `--flagfile=` replaced by what the file says.

    Args:
        arguments: without the program's name.

    Raises:
        ValueError: a file is missing, unreadable, no text, too large, or includes itself.
    """
    return _Expansion().expand([Argument(text) for text in arguments], including=())


class _Expansion:
    def __init__(self):
        self.files_read = 0

    def expand(self, arguments: Sequence[Argument], including: tuple[pathlib.Path, ...]) -> list[Argument]:
        expanded, remaining = [], iter(arguments)
        for argument in remaining:
            flag, equals, name = argument.text.partition("=")
            if flag not in ("--flagfile", "-flagfile"):
                expanded.append(argument)
                continue
            if not equals:
                name = next(remaining, Argument("")).text
            expanded += self.read(name, argument.origin, including)
        return expanded

    def read(self, name: str, origin: str, including: tuple[pathlib.Path, ...]) -> list[Argument]:
        where = f" ({origin})" if origin else ""
        path = find(name, including[-1].parent if including else None, where)
        if path in including:
            chain = " -> ".join(step.name for step in (*including[including.index(path) :], path))
            raise ValueError(f"A flagfile includes itself: {chain}.")
        self.files_read += 1
        if self.files_read > MOST:
            raise ValueError(f"More than {MOST} flagfiles are included, the last one being '{name}'{where}.")
        lines = [Argument(line, f"{path}, line {number}") for number, line in read_lines(path)]
        return self.expand(lines, (*including, path))


def find(name: str, beside: pathlib.Path | None = None, where: str = "") -> pathlib.Path:
    """Path of a flagfile.

    Raises:
        ValueError: nothing of that name is there; the sentence gives the nearest shipped name.
    """
    if not name:
        raise ValueError(f"--flagfile needs a file{where}, as in --flagfile=quickstart.flags.")
    wanted = pathlib.Path(os.path.expanduser(name))
    folders = [folder for folder in (beside, pathlib.Path(), SHIPPED) if folder is not None]
    for path in (folder / wanted for folder in folders):
        if _exists(path) and not path.is_dir():
            return path.resolve()
    if any(_exists(folder / wanted) for folder in folders):
        raise ValueError(f"Flagfile '{name}'{where} is a folder: name a file in it.")
    nearest = difflib.get_close_matches(wanted.as_posix(), shipped(), n=1, cutoff=0.0)
    hint = f"did you mean the shipped '{nearest[0]}'?" if nearest else "check its name."
    raise ValueError(f"Flagfile '{name}'{where} is not there: {hint}")


def shipped() -> list[str]:
    """Names of the flagfiles that come with the project."""
    return sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.rglob("*.flags"))


def _exists(path: pathlib.Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, a zero byte in it, a folder that may not be searched
        return False
