"""The runs whose report the tests know by hand."""

import numpy as np

from experiments import report

# Two seeds, two evaluations, two tasks: the means are p = 0.5, 0.75, so s = 0.5, 0.8 * 0.5 + 0.2 * 0.75 = 0.55.
SUCCESS = np.array([[[1, 0], [1, 1]], [[1, 0], [1, 0]]])  # [S, T, N]
FINAL = np.array([[[1, 1], [0, 1]], [[1, 1], [0, 0]]])  # [S, N, G]; means 1, 0.5 and 1, 0: mean 0.625, IQM 0.75


def run_report(tmp_path):
    """The status of a report over the folders in `runs`, written to `report`."""
    return report.main(["--runs", f"{tmp_path}/runs/**", "--out", str(tmp_path / "report")])
