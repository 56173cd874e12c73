"""The flags that a run folder keeps (`flags.flags`, one `--name=value` a line), as values to compare."""

import dataclasses
import pathlib

LARGEST = 2**20  # bytes that a flagfile may have
TRUE = ("true", "t", "1", "yes", "y", "on")


@dataclasses.dataclass(frozen=True)
class Flags:
    """Flags by name, as text.

    Attributes:
        values: what each line says; a line without a value (`--name`; `--noname` where a boolean is off) says "true".
    """

    values: dict[str, str]

    def text(self, name: str) -> str | None:
        """The flag's value as written; "false" where the file says `--noname`, None where it says nothing."""
        if name in self.values:
            return self.values[name]
        return "false" if f"no{name}" in self.values else None

    def number(self, name: str, default: float) -> float:
        """The flag as a number.

        Raises:
            ValueError: if it is none.
        """
        text = self.text(name)
        try:
            return default if text is None else float(text)
        except ValueError:
            raise ValueError(f"--{name}={text} is not a number.") from None

    def enabled(self, name: str, default: bool) -> bool:
        """The flag as a boolean."""
        text = self.text(name)
        return default if text is None else text.lower() in TRUE


def read_flags(path: pathlib.Path) -> Flags:
    """Reads a flagfile; blank lines and comments (`#`, `//`) say nothing, and later lines win.

    Raises:
        ValueError: if a line is not a flag, or the file too large to be one.
    """
    with open(path, "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"{path} is larger than {LARGEST // 2**20} MiB; is this a run folder's flags.flags?")
    values = {}
    for number, line in enumerate(data.decode("utf-8", errors="replace").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith(("#", "//")):
            continue
        if not line.startswith("-"):
            raise ValueError(f"{path}, line {number}: '{line[:40]}' is not a flag; is this a run folder's flags.flags?")
        name, equals, value = line.lstrip("-").partition("=")
        values[name] = value if equals else "true"
    return Flags(values)


def differences(first: Flags, second: Flags) -> list[str]:
    """Names of the flags whose values differ, sorted; a flag that only one of the two has, differs."""
    names = first.values.keys() | second.values.keys()
    names -= {f"no{name}" for name in names}
    return sorted(name for name in names if first.text(name) != second.text(name))
