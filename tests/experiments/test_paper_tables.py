"""Every row of the paper's tables can be run: each has its flagfiles, and the report gives their runs the row's name.

`experiments/flags/tables.json` names the rows of each table: {table: {row: {benchmark and goals: flagfile}}}. It is for
whoever runs a whole table, as a script or a sweep does.
"""

import json
import pathlib

import pytest

from cmta_jax.storage.flags_file import Flags
from experiments.command_line.flagfiles import SHIPPED, expand
from experiments.command_line.parse import values_of
from experiments.reporting.names import row_name

TABLES = json.loads((SHIPPED / "tables.json").read_text())
PAPER = json.loads((pathlib.Path(__file__).parents[2] / "experiments/reporting/paper_tables.json").read_text())
PROTOCOLS = ("few", "mt10_medium")  # tables of our own, whose rows are run on one protocol
CELLS = sorted(
    {
        (row, cell, file)
        for table, rows in TABLES.items() if table not in PROTOCOLS
        for row, cells in rows.items()
        for cell, file in cells.items()
    }
)  # fmt: skip


@pytest.mark.parametrize(("row", "cell", "file"), CELLS)
def test_a_cells_flagfile_is_the_row_on_that_benchmark(row, cell, file):
    values = values_of(expand([f"--flagfile={file}"]))
    assert f"{values['benchmark']} {values['goals']}" == cell
    name = row_name(Flags({name: str(value).lower() for name, value in values.items()}))
    assert row in (name, "Single-SAC (upper bound)", "CMTA with 6 experts") and name.split(" ")[0].split("-")[0] in row
    assert values["steps_per_task"] == (1_000_000 if "experts" in file else 2_400_000)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_rows_of_a_protocol_differ_in_the_method_only(protocol):
    own = expand([f"--flagfile={protocol}.flags"])
    files = {row: cells[protocol] for row, cells in TABLES[protocol].items()}
    assert sorted(files.values()) == sorted(f"{protocol}/{path.name}" for path in (SHIPPED / protocol).iterdir())
    for row, file in files.items():
        flags = expand([f"--flagfile={file}"])
        after = flags[len(flags) - len(own) - 1 :]
        assert set(own) <= set(after), "the protocol comes last, but for a setting of the method's own"
        assert row_name(Flags({name: str(value).lower() for name, value in values_of(flags).items()})) == row


def test_the_lists_have_every_row_and_cell_of_the_papers_tables():
    for table in PAPER["tables"]:
        rows = TABLES[f"table{table['number']}"]
        assert list(rows) == [row["label"] for row in table["rows"]]
        assert [sorted(rows[row["label"]]) for row in table["rows"]] == [sorted(row["paper"]) for row in table["rows"]]
