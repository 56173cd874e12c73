"""Tables in plain text: the first column to the left, the others to the right."""

from collections.abc import Sequence


def text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table whose columns are as wide as their longest text.

    Args:
        rows: the header and the rows, all with the same number of texts.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [text_row(row, widths) for row in rows]


def text_row(texts: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table, for tables that are printed row by row.

    Args:
        texts: one for each column.
        widths: of the columns, in letters.
    """
    aligned = [texts[0].ljust(widths[0]), *map(str.rjust, texts[1:], widths[1:])]
    return "  ".join(aligned).rstrip()
