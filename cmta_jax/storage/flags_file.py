"""Flagfiles: one flag a line. The only reader of such files, and the flags of a run as values to compare."""

import dataclasses
import pathlib
import stat

LARGEST = 2**20  # bytes that a flagfile may have; the shipped ones have a thousand


@dataclasses.dataclass(frozen=True)
class Flags:
    """Flags by name, as text.

    Attributes:
        values: the value of each line; "true" for a line without a value (`--name`, or `--noname` to switch it off).
    """

    values: dict[str, str]

    def text(self, name: str) -> str | None:
        """The flag's value as written; "false" after `--noname`, None where the file does not have the flag."""
        if name in self.values:
            return self.values[name]
        return "false" if f"no{name}" in self.values else None

    def number(self, name: str, default: float) -> float:
        """The flag as a number.

        Raises:
            ValueError: it is not a number.
        """
        text = self.text(name)
        try:
            return default if text is None else float(text)
        except ValueError:
            raise ValueError(f"--{name}={text} is not a number.") from None

    def enabled(self, name: str, default: bool) -> bool:
        """The flag as a boolean."""
        text = self.text(name)
        return default if text is None else text.lower() == "true"


def read_flags(path: pathlib.Path) -> Flags:
    """The flags of a run folder's flags.flags; later lines win.

    Raises:
        ValueError: a line is not a flag, or the file cannot be read as in `read_lines`.
    """
    values = {}
    for number, line in read_lines(path):
        if not line.startswith("-"):
            raise ValueError(f"{path}, line {number}: '{line[:40]}' is not a flag; is this a run folder's flags.flags?")
        name, equals, value = line.lstrip("-").partition("=")
        values[name] = value if equals else "true"
    return Flags(values)


def read_lines(path: pathlib.Path) -> list[tuple[int, str]]:
    """The number and the text of each line of a flagfile, without blank lines and comments (`#`, `//`).

    Raises:
        ValueError: the file cannot be read, is not a text file, or is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"Flagfile {path} is not an ordinary file.")
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"Flagfile {path} is larger than {LARGEST // 2**20} MiB: is it a flagfile?")
        text = data.decode("utf-8-sig")  # editors may put a byte order mark in front
    except OSError as error:
        raise ValueError(f"Flagfile {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"Flagfile {path} is not a text file: is it a flagfile?") from error
    if "\0" in text:
        raise ValueError(f"Flagfile {path} is not a text file: is it a flagfile?")
    lines = enumerate((line.strip() for line in text.splitlines()), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith(("#", "//"))]


def same_value(first: str | None, second: str | None) -> bool:
    """Whether two texts of a flag mean the same, as 3e-4 and 0.0003, or True and true."""
    if first is None or second is None:
        return first is second
    try:
        return first.lower() == second.lower() or float(first) == float(second)
    except ValueError:
        return False


def differences(first: Flags, second: Flags) -> list[str]:
    """Names of the flags whose values differ, sorted; a flag that only one of the two has differs."""
    names = first.values.keys() | second.values.keys()
    names -= {f"no{name}" for name in names}
    return sorted(name for name in names if first.text(name) != second.text(name))
