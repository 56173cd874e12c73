"""The page of a report as one HTML file that needs no other: figures are in it, and a click on a heading sorts."""

import base64
import html
import pathlib
from collections.abc import Sequence

from experiments.reporting import cells, comparison, figures, formats
from experiments.reporting.page import INTRODUCTION, Page
from experiments.reporting.tables import Block, Table

TEMPLATE = pathlib.Path(__file__).with_name("report_template.html")


def page(shown: Page, folder: pathlib.Path) -> str:
    """The page report.html.

    Args:
        shown: what is on it.
        folder: that holds the figures as .png.
    """
    parts = [
        "<h1>Report</h1>",
        *map(_paragraph, INTRODUCTION),
        *map(_table, shown.tables()),
        _paragraph(shown.without_runs()),
    ]
    parts += [f"<h2>{html.escape(comparison.TITLE)}</h2>", _paragraph(comparison.LEGEND)]
    for one in shown.compared:
        parts += [f"<h3>{html.escape(cells.title(one.cell))}</h3>", _rows(one.header(), one.texts())]
    parts += ["<h2>Figures</h2>", _paragraph(figures.CAPTION)]
    parts += [_figure(name, (folder / f"{name}.png").read_bytes()) for name in shown.drawn]
    parts.append(_paragraph(shown.without_figure()))
    if shown.remarks:
        parts += ["<h2>Remarks</h2>", _list(shown.remarks)]
    return TEMPLATE.read_text(encoding="utf-8").replace("CONTENT", "\n".join(part for part in parts if part))


def _table(table: Table) -> str:
    title = f"Table {table.number}: {table.title}" if table.number else table.title
    return "\n".join([f"<h2>{html.escape(title)}</h2>", *map(_block, table.blocks)])


def _block(block: Block) -> str:
    costs = [formats.cost_texts(line) for line in block.lines if line.measured]
    parts = [f"<h3>{html.escape(cells.title(block.cell))}</h3>", _paragraph(block.protocol)]
    parts.append(_rows(formats.header(), [formats.texts(line) for line in block.lines]))
    parts += [_list(block.notes) if block.notes else "", _rows(formats.COSTS, costs), _paragraph(block.versions)]
    return "\n".join(parts)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col"><button>{html.escape(text)}</button></th>' for text in head)
    lines = ["<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows]
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def _figure(name: str, content: bytes) -> str:
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    title = html.escape(name.replace("_", " ").capitalize())
    return f'<figure><img src="{source}" alt="{title}"><figcaption>{title}</figcaption></figure>'


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>" if text else ""


def _list(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in texts) + "</ul>"
