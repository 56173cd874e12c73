"""CSV files that a run appends to: rows read with their numbers checked, a half-written last one left out."""

import math
import pathlib
import warnings
from collections.abc import Callable, Mapping


class UnfinishedWarning(UserWarning):
    """Something at the end of a file is incomplete, as in a run that was stopped or still goes on, and is left out."""


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**63:
        raise ValueError(text)
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(text)
    return text


EVALUATION = {"step": _count, "seed": _count, "task": _name, "success": _share, "episode_return": float}
FINAL = {"seed": _count, "task": _name, "goal_set": _count, "success": _share, "episode_return": float}


def read_rows(path: pathlib.Path, columns: Mapping[str, Callable]) -> list[tuple]:
    """Reads a CSV file whose header is exactly `columns`.

    Args:
        path: the file.
        columns: what turns each column's text into a value; it raises ValueError where it cannot.

    Returns:
        One tuple a row, values in the order of `columns`.

    Raises:
        ValueError: if the header is another one or a row (other than a half-written last one) is not of its kind.
    """
    expected = ",".join(columns)
    header, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if not lines and expected.startswith(header):
        return []  # stopped before the header was out
    if header.strip() != expected:
        raise ValueError(f"{path} begins with '{header.strip()[:60]}' instead of '{expected}': not a file of a run.")
    if lines and lines.pop():
        warnings.warn(f"{path}: the last row is half written; it is left out.", UnfinishedWarning, stacklevel=2)
    return [_row(path, number, line.strip(), columns) for number, line in enumerate(lines, start=2) if line.strip()]


def _row(path, number, line, columns):
    texts = line.split(",")
    if len(texts) != len(columns):
        raise ValueError(f"{path}, line {number} has {len(texts)} columns instead of {len(columns)}: repair it.")
    values = []
    for text, (name, kind) in zip(texts, columns.items(), strict=True):
        try:
            values.append(kind(text))
        except ValueError:
            raise ValueError(f"{path}, line {number}: '{text[:40]}' is not a {name}: remove or repair it.") from None
    return tuple(values)


def finite_mean(values: list[float]) -> float:
    """The mean of at least one number, summed exactly (order does not matter)."""
    return math.fsum(values) / len(values)
