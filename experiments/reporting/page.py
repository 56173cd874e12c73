"""What is on the page of a report, and the page as Markdown."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from experiments.reporting import cells, comparison, figures, formats, tables

TITLE = "Success on our own benchmarks"


class Page(NamedTuple):
    """What a report shows.

    Attributes:
        filled: the paper's tables; the first also has our own benchmarks.
        compared: the rows of each benchmark against one of them.
        drawn: names of the figures, without ending.
        remarks: what a reader should know, one sentence each.
    """

    filled: Sequence[tables.Table]
    compared: Sequence[comparison.Comparison]
    drawn: Sequence[str]
    remarks: Sequence[str]

    def tables(self) -> Iterator[tables.Table]:
        """The tables with runs, less what has none: first our own benchmarks, then those of the paper."""
        own = tables.of_other_benchmarks(self.filled[0])._replace(number=0, title=TITLE)
        papers = [tables.with_runs(tables.of_the_papers_benchmarks(table)) for table in self.filled]
        return (table for table in (own, *papers) if table.blocks)

    def without_runs(self) -> str:
        """One sentence on what the paper has and we have not; empty if there is nothing."""
        missing = [text for table in self.filled if (text := tables.without_runs(table))]
        return f"No runs for {'; '.join(missing)}: see the files of the tables for the paper's numbers." * bool(missing)

    def without_figure(self) -> str:
        """Why there is no Figure 4; empty if there is one."""
        return "No Figure 4: no benchmark has runs of both CMTA and CMTA w/o TI." * ("figure_4" not in self.drawn)


INTRODUCTION = (f"The paper: {tables.PAPER['source']}.", formats.LEGEND, formats.COSTS_LEGEND)


def markdown(page: Page) -> str:
    """The page report.md."""
    parts = ["# Report", *INTRODUCTION, *(formats.markdown(table, ()) for table in page.tables()), page.without_runs()]
    parts += [f"## {comparison.TITLE}", comparison.LEGEND]
    for one in page.compared:
        parts += [f"### {cells.title(one.cell)}", formats.markdown_table(one.header(), one.texts())]
    parts += ["## Figures", figures.CAPTION, *(f"![{name}]({name}.png)" for name in page.drawn), page.without_figure()]
    if page.remarks:
        parts += ["## Remarks", "\n".join(f"- {remark}" for remark in page.remarks)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"
