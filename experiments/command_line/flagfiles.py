"""Flagfiles: one flag per line, `#` or `//` begins a comment line, `--flagfile=other` includes another file there.

A name is looked for beside the including file, then in the working directory, then among the files shipped here.
"""

import difflib
import os
import pathlib
import stat
from collections.abc import Sequence
from typing import NamedTuple

SHIPPED = pathlib.Path(__file__).parents[1] / "flags"
LARGEST = 2**20  # bytes that a flagfile may have; the shipped ones have a thousand
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
        expanded, arguments = [], iter(arguments)
        for argument in arguments:
            flag, equals, name = argument.text.partition("=")
            if flag not in ("--flagfile", "-flagfile"):
                expanded.append(argument)
                continue
            if not equals:
                name = next(arguments, Argument("")).text
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
        lines = enumerate((line.strip() for line in _text(path).splitlines()), start=1)
        said = [(number, line) for number, line in lines if line and not line.startswith(("#", "//"))]
        return self.expand([Argument(line, f"{path}, line {number}") for number, line in said], (*including, path))


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


def _text(path: pathlib.Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"Flagfile {path} is not an ordinary file.")
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"Flagfile {path} is larger than {LARGEST // 2**20} MiB: is it a flagfile?")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"Flagfile {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"Flagfile {path} is not a text file: is it a flagfile?") from error
    if "\0" in text:
        raise ValueError(f"Flagfile {path} is not a text file: is it a flagfile?")
    return text
