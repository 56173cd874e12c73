"""The page of a report, its costs, and its exports."""

import base64
import html.parser
import json
import re

import numpy as np
import pytest
from report_runs import FINAL, SUCCESS, run_report
from run_folders import write_run

from cmta_jax.checkpoint import save_policy
from experiments.reporting import figures
from experiments.reporting.costs import read_costs

pytestmark = pytest.mark.usefixtures("no_figures")

LOG = """\
2026-01-01 10:00:00,000 INFO cmta_jax.tracking.progress: run folder runs/cmta
2026-01-01 10:00:01,000 INFO cmta_jax.run: training on 2 device(s): NVIDIA H100
2026-01-01 10:30:00,000 INFO cmta_jax.tracking.progress: step 3000/6000 | killed after this line
2026-01-03 08:00:00,000 INFO cmta_jax.tracking.progress: run folder runs/cmta
2026-01-03 08:00:01,000 INFO cmta_jax.run: training on 1 device(s): NVIDIA H100
a line of a message that has several
2026-01-03 09:00:00,000 INFO cmta_jax.tracking.progress: The curves are in success.png.
"""


def write_costs(folder):
    (folder / "run.log").write_text(LOG)
    params = {"actor": np.zeros((2, 3, 4), np.float32), "log_temperature": np.zeros((2, 2), np.float32)}  # [S, ...]
    save_policy(folder / "policy.safetensors", params, {"versions": {"jax": "9.9", "mujoco": "3", "numpy": "2"}})


def test_costs_are_read_from_log_and_policy(tmp_path):
    """Half an hour on two devices and an hour on one; 3 * 4 + 2 parameters of each of two seeds."""
    folder = write_run(tmp_path / "runs/cmta", SUCCESS)
    write_costs(folder)
    costs = read_costs([str(folder), str(folder)])  # the same folder for two seeds counts once
    assert (costs.parameters, costs.wall_hours, costs.device_hours) == (14, 1.5, 2.0)
    assert costs.devices == ("NVIDIA H100",) and costs.versions == ("mujoco 3", "jax 9.9")


def test_costs_stand_under_every_table(tmp_path):
    write_costs(write_run(tmp_path / "runs/cmta", SUCCESS, final=FINAL))
    write_run(tmp_path / "runs/care", SUCCESS, method="care")
    assert run_report(tmp_path) == 0
    for name in ("report.md", "table_1.md", "table_2.md"):
        text = (tmp_path / "report" / name).read_text()
        assert "| CMTA | 14 | 1.50 | 2.00 | NVIDIA H100 |" in text
        assert "| CARE | unknown | unknown | unknown | unknown |" in text
        assert "Made with mujoco 3, jax 9.9, and some unknown." in text
    assert "Made with mujoco 3, jax 9.9" in (tmp_path / "report/table_1.tex").read_text()


def test_our_own_benchmark_comes_first_and_empty_tables_are_one_sentence(tmp_path):
    write_run(tmp_path / "runs/small", SUCCESS, flags={"benchmark": "reach-v3,push-v3"})
    assert run_report(tmp_path) == 0
    text = (tmp_path / "report/report.md").read_text()
    assert re.findall("^##.*", text, re.M) == [
        "## Success on our own benchmarks",
        "### reach, push (mixed)",
        "## How they learnt, and paired differences",
        "### reach, push (mixed)",
        "## Figures",
    ]
    assert text.count("No runs for Table 1 (MT10-Fixed, MT10-Mixed, MT50-Fixed, MT50-Mixed); Table 2") == 1
    write_run(tmp_path / "runs/mt10", SUCCESS)
    assert run_report(tmp_path) == 0
    text = (tmp_path / "report/report.md").read_text()
    titles = re.findall("^## .*", text, re.M)
    assert titles[:2] == ["## Success on our own benchmarks", "## Table 1: Success on MT10 and MT50"]
    assert text.count("### reach, push (mixed)") == 2, "in our own table and in the comparison"


def test_rliable_gets_scores_by_seed_and_task(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS, final=FINAL)
    assert run_report(tmp_path) == 0
    scores = json.loads((tmp_path / "report/rliable.json").read_text())
    assert scores == {"mt10 mixed": {"CMTA": [[1, 0.5], [1, 0]]}}


def test_marl_eval_gets_curves_and_the_final_policy(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS, seeds=(4, 5), final=FINAL)
    assert run_report(tmp_path) == 0
    found = json.loads((tmp_path / "report/marl_eval.json").read_text())
    assert found["mt10 mixed"]["push-v3"]["CMTA"]["seed_4"] == {
        "step_1": {"step_count": 3000, "success": [0]},
        "step_2": {"step_count": 6000, "success": [1]},
        "absolute_metrics": {"success": [0.5]},
    }
    assert found["mt10 mixed"].keys() == {"reach-v3", "push-v3"}
    assert found["mt10 mixed"]["push-v3"]["CMTA"].keys() == {"seed_4", "seed_5"}


class Reader(html.parser.HTMLParser):
    """Tags that are open, and what the page refers to."""

    def __init__(self):
        super().__init__()
        self.open, self.sources, self.rows = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.rows += tag == "tr"
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_html_page_is_whole_and_needs_no_other_file(tmp_path, monkeypatch):
    picture = b"\x89PNG not really"
    monkeypatch.setattr(figures, "all_figures", lambda groups: {"figure_3": None})
    monkeypatch.setattr(figures, "save", lambda figure, path: path.with_suffix(".png").write_bytes(picture))
    write_run(tmp_path / "runs/cmta", SUCCESS, flags={"benchmark": "a<b-v3,c-v3"})
    write_run(tmp_path / "runs/mt10", SUCCESS)
    assert run_report(tmp_path) == 0
    text = (tmp_path / "report/report.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert not reader.open and "a&lt;b" in text
    assert reader.sources == [f"data:image/png;base64,{base64.b64encode(picture).decode()}"]
    assert "http" not in text and "CONTENT" not in text
    assert (
        reader.rows == 2 + 2 + (8 + 2) + (5 + 2) + (6 + 2) + 2 + 2
    )  # headers included; Table 8 and 2 have MT10, too; compared: 1 row each
