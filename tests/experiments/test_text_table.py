"""Tables in plain text."""

from experiments.reporting.text_table import text_row, text_table


def test_columns_are_as_wide_as_their_longest_text():
    rows = [("task", "success", "n"), ("reach-v3", "100.0", "50"), ("mean", "7.5", "")]
    assert text_table(rows) == [
        "task      success   n",
        "reach-v3    100.0  50",
        "mean          7.5",
    ]


def test_a_row_fits_columns_that_were_chosen_before():
    assert text_row(("cmta", "1.00"), [6, 8]) == "cmta        1.00"
