"""The figures of docs/learning.md and docs/performance.md are those of the published runs."""

import csv
import itertools
import pathlib

import pytest
import toy_study
from published import ROOT, groups_of, interval, steps, two_rows

from cmta_jax.results.statistics import last_mean, paired_difference
from experiments.reporting.comparison import compare


def toy_rows():
    """The rows of the toy study's table: success of the five seeds at the end, and the smallest after 5,000 steps."""
    with open(ROOT / "results/learning_toy/curves.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == toy_study.COLUMNS
    found = rows[1:]
    for setting, rows in itertools.groupby(found, key=lambda row: row[:8]):
        toy, scaling, layer_norm, rate, history, temporal, contrast, floor = setting
        success = {(int(row[9]), int(row[8])): float(row[10]) for row in rows}
        ends = " ".join(f"{success[8000, seed]:.2f}" for seed in range(5))
        least = min(value for (step, _), value in success.items() if step >= 5000)
        critics = "layer norm" if layer_norm == "True" else "plain"
        lstm = f"{float(rate):.0e}".replace("e-0", "e-") if temporal == "True" else "none"
        usual = "yes" if float(floor) == -1 else "to cosine 0"
        contrastive = {0.0: "no", 25.0: "weight 25"}.get(float(contrast), usual)
        yield f"| {toy} | {scaling} | {critics} | {lstm} | {history} | {contrastive} | {ends} | {least:.2f} |"


def test_the_toy_studys_table_is_that_of_its_curves():
    table = [
        line
        for line in (ROOT / "docs/learning.md").read_text().splitlines()
        if line.startswith(("| visible |", "| hidden |"))
    ]
    assert table == list(toy_rows())


@pytest.mark.parametrize("base", ["CMTA (contrastive floor 0)", "MTMH-SAC (size of CMTA)"])
def test_the_tables_of_the_recipe_are_those_of_its_runs(base):
    groups = groups_of("recipe/*")
    [comparison] = compare(groups, base)
    with open(ROOT / "results/recipe/over_none.csv", newline="") as file:
        over_none = {row["run"]: float(row["over_none"]) for row in csv.DictReader(file)}
    assert "10.8 ms" in (ROOT / "docs/learning.md").read_text()
    page, begin = (ROOT / "docs/learning.md").read_text().splitlines(), base.partition(" ")[0]
    for row in (row for row in comparison.rows if row.agent.startswith(begin)):
        run = pathlib.Path(groups[comparison.cell][row.agent].folders[0]).name
        minutes = f"{row.steps_to_solve * over_none[run] * 10.8 / 6e4:.1f}"
        numbers = (
            f"{row.final:.1f} | {row.last_five:.1f} | {steps(row)} | {minutes} | {row.kept:.1f} | {interval(row)} |"
        )
        assert [line for line in page if line.startswith(f"| {row.agent} |") and line.endswith(f" | {numbers}")], (
            row.agent
        )


@pytest.mark.parametrize(
    ("folder", "others", "base"),
    [("cmta_2500", "cmta_*", "CMTA (contrastive weight 2500)"), ("mtmhsac", "mtmhsac_*", "MTMH-SAC")],
)
def test_the_table_of_reward_scalings_is_that_of_its_runs(folder, others, base):
    method = base.partition(" ")[0]
    rows = {
        base: ("raw", "yes"),
        f"{base} (critics without layer norm)": ("raw", "no"),
        f"{base} (rewards over means)": ("over means", "yes"),
        f"{method} (rewards over a running deviation, critics without layer norm)": ("over a running deviation", "no"),
    }
    [comparison] = compare(groups_of(f"few/{folder}", f"reward_scaling/{others}"), base)
    page = (ROOT / "docs/learning.md").read_text().splitlines()
    assert {row.agent for row in comparison.rows} == set(rows)
    for row in comparison.rows:
        cells = [method, *rows[row.agent], str(row.seeds), f"{row.final:.1f}", f"{row.last_five:.1f}", steps(row)]
        assert f"| {' | '.join([*cells, f'{row.kept:.1f}', interval(row)])} |" in page


@pytest.mark.parametrize(
    ("base", "with_norm", "without"),
    [("CMTA (contrastive weight 2500)", "cmta_2500", "cmta_no_norm*"), ("CMTA", "cmta", "cmta25_no_norm*")],
)
def test_what_is_said_of_layer_norm_is_that_of_the_runs(base, with_norm, without):
    folders = f"few/{with_norm}", f"reward_scaling/{without}"
    normed, plain, page = two_rows("docs/learning.md", base, *folders)
    groups = next(iter(groups_of(*folders).values()))
    last_five = [last_mean(groups[row.agent].success) for row in (plain, normed)]
    mean, low, high = (100 * bound for bound in paired_difference(*last_five))
    assert f"{plain.last_five:.1f} for {normed.last_five:.1f} ({mean:+.1f} [{low:+.1f}, {high:+.1f}])" in page
    assert f"{-plain.ahead_by:+.1f} [{-plain.ahead_high:+.1f}, {-plain.ahead_low:+.1f}]" in page
    assert f"{plain.solved_seeds} seeds for {normed.solved_seeds}" in page


def test_what_is_said_of_bfloat16_is_that_of_the_runs():
    name = "CMTA (contrastive floor 0)"
    full, half, page = two_rows("docs/performance.md", name, "recipe/none", "recipe/bf16")
    assert half.agent == f"{name} (bfloat16 activations)"
    said = f"final {half.final:.1f}, last five {half.last_five:.1f}, 80 % after {steps(half)}; in float32"
    assert f"{said} {full.final:.1f}, {full.last_five:.1f} and {steps(full)}." in page
    assert f"{half.ahead_by:.1f} [{half.ahead_low:.1f}, {half.ahead_high:+.1f}]" in page


@pytest.mark.parametrize(("row", "seeds"), [("few/cmta", 5), ("few/cmta_literal", 5), ("recipe/mean_means", 3)])
def test_what_is_said_of_the_movement_of_the_attention_is_that_of_the_runs(row, seeds):
    with open(ROOT / f"results/{row}/train.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    last = [float(each["attention_movement"]) for each in rows if each["step"] == rows[-1]["step"]]
    page = " ".join((ROOT / "docs/learning.md").read_text().split())
    said = page.partition("On `few`, whose critics")[2].partition("still moves")[0]
    assert len(last) == seeds
    assert f"{min(last):.2f} to {max(last):.2f}" in said


@pytest.mark.parametrize(("folder", "value"), [("recipe", "0"), ("log_std", "-9")])
def test_the_table_of_initial_policies_is_that_of_its_runs(folder, value):
    name = "CMTA (contrastive floor 0)"
    [comparison] = compare(groups_of(f"{folder}/*"), name)
    [row] = [row for row in comparison.rows if row.agent == name]
    line = f"| {value} | {row.final:.1f} | {row.last_five:.1f} | {steps(row)} | {row.kept:.1f} |"
    assert line in (ROOT / "docs/learning.md").read_text().splitlines()


def test_no_value_of_mt10_medium_is_above_what_the_rewards_can_give():
    page = " ".join((ROOT / "docs/learning.md").read_text().split())
    runs = [*(ROOT / "results/mt10_medium").glob("*/")]
    assert runs
    for run in runs:
        with open(run / "train.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        pairs = [
            (float(row[name]), float(row[name.replace("q_mean", "value_limit")]))
            for row in rows
            for name in row
            if name.startswith("q_mean/")
        ]
        assert all(value <= limit for value, limit in pairs)
        assert "overestimate" not in (run / "run.log").read_text()
        value, limit = max(pairs)
        assert f"{value:.1f} of {limit:.1f}" in page
