"""The only reader of the tables that a run appends to (eval.csv, train.csv, final.csv)."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class TableFile(NamedTuple):
    """A table as text."""

    columns: tuple[str, ...]  # empty if the file ends before its header does
    rows: list[tuple[int, list[str]]]  # line number and cells of each whole row
    cut: tuple[str, ...] = ()  # cells of a last row without its line's end, which is not among `rows`


def whole_number(text: str) -> int:
    """A number such as 300, or the 300.0 that spreadsheets make of it.

    Raises:
        ValueError: it is negative, not whole, or not a number.
    """
    value = int(text) if text.strip().isdecimal() else float(text)
    if not 0 <= value < 2**63 or value != int(value):
        raise ValueError(text)
    return int(value)


def read_table(path: pathlib.Path, columns: Sequence[str]) -> TableFile:
    """Reads a table whose header is `columns`, or begins with them if the last of them is "...".

    Ignored are a byte order mark, blank lines, and the zero bytes that a crash of the machine may leave.

    Raises:
        ValueError: another header, or a row with another number of cells.
    """
    expected = ",".join(columns).removesuffix(",...")
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    header, *lines = text.split("\n")
    header, longer = header.strip(), columns[-1] == "..." and header.startswith(expected)
    if not lines and (longer or expected.startswith(header)):
        return TableFile((), [])
    if header != expected and not longer:
        raise ValueError(f"{path} begins with {header[:60]!r} instead of '{expected}': not a file of a run.")
    last = lines.pop().strip("\0 \t\r") if lines else ""
    cut = tuple(last.split(",")) if last else ()
    names = tuple(header.split(","))
    found = ((number, line.strip("\0 \t\r")) for number, line in enumerate(lines, start=2))
    rows = [(number, line.split(",")) for number, line in found if line]
    for number, cells in rows:
        if len(cells) != len(names):
            raise ValueError(f"{path}, line {number} has {len(cells)} columns instead of {len(names)}: repair it.")
    return TableFile(names, rows, cut)


def convert(path: pathlib.Path, number: int, cells: Sequence[str], kinds: Mapping[str, Callable[[str], Any]]) -> tuple:
    """The values of the first cells of a row.

    Args:
        path, number: file and line, for the sentence of an error.
        kinds: column -> what turns its text into a value, and raises ValueError where it cannot.
    """
    values = []
    for text, (name, kind) in zip(cells, kinds.items(), strict=False):
        try:
            values.append(kind(text))
        except ValueError:
            raise ValueError(f"{path}, line {number}: '{text[:40]}' is not a {name}: remove or repair it.") from None
    return tuple(values)
