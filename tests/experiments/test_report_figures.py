"""The figures of a report: files, labels that do not collide, colours."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure
from run_folders import write_run

from cmta_jax.results.grouping import gather
from cmta_jax.results.reading import read_run
from experiments import report
from experiments.reporting import figures, names, panels, style

SUCCESS = np.array([[[1, 0], [1, 1]], [[1, 0], [1, 0]]])  # [S, T, N]


def run_report(tmp_path):
    return report.main(["--runs", f"{tmp_path}/runs/**", "--out", str(tmp_path / "report")])


def test_every_file_is_there_and_the_figures_are_not_empty(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS)
    write_run(tmp_path / "runs/ablation", SUCCESS, flags={"cmta.temporal": "false"})
    assert run_report(tmp_path) == 0
    stems = [f"table_{number}{end}" for number, end in itertools.product((1, 2, 8), (".md", ".tex"))]
    pictures = [f"{name}{end}" for name in ("figure_3", "figure_4", "figure_6_mt10_mixed") for end in (".png", ".pdf")]
    expected = {*stems, *pictures, "tables.csv", "per_seed.csv", "curves.csv", "report.md", "report.html"}
    expected |= {"rliable.json", "marl_eval.json", "comparison.csv"}
    assert {path.name for path in (tmp_path / "report").iterdir()} == expected
    for name in pictures:
        assert (tmp_path / "report" / name).read_bytes()[:4] in (b"\x89PNG", b"%PDF")


def test_the_same_runs_give_the_same_bytes(tmp_path):
    write_run(tmp_path / "runs/cmta", SUCCESS)
    contents = []
    for _ in range(2):
        assert run_report(tmp_path) == 0
        contents.append({path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()})
    assert contents[0] == contents[1]


def test_labels_are_moved_as_little_as_possible():
    np.testing.assert_allclose(panels.spread([10, 50], [4, 4], 0, 100), [10, 50])
    np.testing.assert_allclose(panels.spread([50, 50, 50], [4, 4, 4], 0, 100), [46, 50, 54])
    np.testing.assert_allclose(panels.spread([99, 100], [4, 8], 0, 100), [94, 100])


def test_no_two_methods_of_a_figure_look_alike_and_known_ones_never_change():
    wanted = style.in_order([*style.KNOWN, *(f"method {index}" for index in range(15))])
    looks = {name: (look["color"], look["linestyle"]) for name, look in style.line_styles(wanted).items()}
    assert len(set(looks.values())) == len(wanted)
    assert style.line_styles(["CARE"])["CARE"]["color"] == looks["CARE"][0] == style.BLUE


def test_nothing_in_a_figure_is_outside_the_picture(tmp_path):
    runs = []
    for index, name in enumerate(("mtsac", "care", "tsac", "a_method_with_a_name_that_is_rather_long_for_a_label")):
        folder = write_run(tmp_path / f"runs/{index}", SUCCESS, method=name, flags={"tsac.base": "mtmhsac"})
        runs.append(read_run(folder))
    with style.fonts():
        figure = figures.all_figures(gather(runs, names.row_name, 10**7))["figure_3"]
        figures.lay_out(figure)
        texts = [text for axes in figure.axes for text in axes.texts]
        boxes = [text.get_window_extent() for text in texts]
    assert len(texts) == 4
    assert all(box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))


def test_a_curve_has_each_evaluation_once_and_a_band_of_the_samples_deviation():
    """Two seeds at 20 and 40 %: mean 30, deviation of the sample sqrt(2 * 10^2 / 1) = 14.14."""
    axes = Figure().subplots()
    assert panels.curve(axes, np.arange(4), np.array([[0.2] * 4, [0.4] * 4]), {"color": "black"}) == pytest.approx(30)
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), np.arange(4))
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], [30 - np.sqrt(200), 30 + np.sqrt(200)], rtol=1e-9)
