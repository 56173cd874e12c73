"""Tables as Markdown, LaTeX (booktabs) and CSV, and the texts of their cells."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from experiments.reporting import cells
from experiments.reporting.tables import Line, Measured, Table

HEADER = ("agent", "paper", "ours", "paper", "ours", "mean", "IQM [95 %]", "seeds", "steps per task")
GROUPS = ("max smoothed", "max smoothed", "max", "max", "final", "final")  # above HEADER[1:7]
LEGEND = (
    "Success in percent. Max smoothed and max: maxima over the run of the mean over seeds and tasks, smoothed (factor "
    "0.8) and raw, as the paper defines them; both are picked on the curve that they report, hence optimistic. Final: "
    "last policy on every goal set (50 of each task unless noted), mean, and interquartile mean (IQM) with its 95 % "
    "stratified bootstrap interval over seeds and tasks."
)


COSTS = ("agent", "parameters", "wall-clock hours", "device hours", "devices")
COSTS_LEGEND = (
    "Parameters: of one seed, target networks left out. Hours: of all runs of the row, one after another, evaluations "
    "included; device hours are those times the devices that a run used."
)


def texts(line: Line) -> list[str]:
    """The cells of a row, under `header()`."""
    paper = [f"{value:.2f}" for value in line.paper] if line.paper else ["not reported"] * 2
    ours = line.measured
    if ours is None:
        return [line.label, paper[0], "no run", paper[1], "no run", "no run", "no run", "0", "no run"]
    final = (f"{ours.final_mean:.2f}", _interval(ours)) if ours.goal_sets else ("no final",) * 2
    numbers = (f"{ours.max_smoothed:.2f}", f"{ours.max_raw:.2f}")
    return [line.label, paper[0], numbers[0], paper[1], numbers[1], *final, str(ours.seeds), f"{ours.steps:,}"]


def _interval(ours: Measured) -> str:
    spread = "(one seed)" if math.isnan(ours.final_low) else f"[{ours.final_low:.2f}, {ours.final_high:.2f}]"
    return f"{ours.final_iqm:.2f} {spread}"


def cost_texts(line: Line) -> list[str]:
    """The cells of a row of costs, under `COSTS`."""
    ours = line.measured
    assert ours is not None  # a row without runs costs nothing
    numbers = (f"{ours.parameters:,.0f}", f"{ours.wall_hours:,.2f}", f"{ours.device_hours:,.2f}")
    return [line.label, *("unknown" if text == "nan" else text for text in numbers), ours.devices or "unknown"]


def header() -> list[str]:
    """What stands above the columns of a block, in one line."""
    grouped = (f"{group}, {name}" for group, name in zip(GROUPS, HEADER[1:7], strict=True))
    return [HEADER[0], *grouped, *HEADER[7:]]


def markdown(table: Table, legends: Sequence[str] = (LEGEND, COSTS_LEGEND)) -> str:
    """The table as GitHub-flavoured Markdown, a block for each benchmark.

    Args:
        table: the table.
        legends: what is said below the title.
    """
    parts = [f"## Table {table.number}: {table.title}" if table.number else f"## {table.title}", *legends]
    for block in table.blocks:
        parts.append(f"### {cells.title(block.cell)}")
        parts.append(block.protocol or "No runs.")
        parts.append(markdown_table(header(), [texts(line) for line in block.lines]))
        parts += [f"- {note}" for note in block.notes]
        costs = [cost_texts(line) for line in block.lines if line.measured]
        parts += [markdown_table(COSTS, costs)] if costs else []
        parts += [block.versions] if block.versions else []
    return "\n\n".join(parts) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their heads, numbers to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in lines)


def latex(table: Table) -> str:
    """The table as a LaTeX `table` (needs booktabs), with the blocks of all benchmarks under one header."""
    groups = r" & \multicolumn{2}{c}{max smoothed} & \multicolumn{2}{c}{max} & \multicolumn{2}{c}{final} & & \\"
    lines = [
        r"\begin{table}",
        r"\centering",
        r"\small",
        r"\setlength{\tabcolsep}{4pt}",
        r"\begin{tabular}{lrrrrrrrr}",
        r"\toprule",
        groups,
    ]
    lines += [r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}\cmidrule(lr){6-7}", _latex_row(HEADER)]
    for block in table.blocks:
        head = rf"\multicolumn{{9}}{{l}}{{\textbf{{{_escape(cells.title(block.cell))}}}}} \\"
        lines += [r"\midrule", head, *(_latex_row(texts(line)) for line in block.lines)]
    notes = dict.fromkeys(
        text for block in table.blocks for text in (block.protocol, *block.notes, block.versions) if text
    )
    caption = " ".join([f"{table.title}.", LEGEND, *notes])
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{_escape(caption)}}}", r"\end{table}"]
    return "% needs \\usepackage{booktabs}\n" + "\n".join(lines) + "\n"


def _latex_row(texts: Iterable[str]) -> str:
    return " & ".join(map(_escape, texts)) + r" \\"


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)


def comma_separated(tables: Sequence[Table]) -> str:
    """The tables as CSV, a line for each table, benchmark and row; missing numbers are empty, `status` says why."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ("table", "benchmark", "goals", "agent", "status", "paper_max_smoothed", "paper_max")
    writer.writerow(head + Measured._fields)
    for table in tables:
        for block in table.blocks:
            for line in block.lines:
                numbers = [*(line.paper or ("", "")), *(line.measured or [""] * len(Measured._fields))]
                plain = ["" if value != value else _plain(value) for value in numbers]
                writer.writerow([table.number, *block.cell, line.label, _status(line.measured), *plain])
    return stream.getvalue()


def _plain(value: float | str) -> float | str:
    return f"{value:.4f}" if isinstance(value, float) else value


def _status(measured: Measured | None) -> str:
    if measured is None:
        return "no run"
    return "complete" if measured.goal_sets else "no final"
