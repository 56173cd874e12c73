"""The figures of the documentation are those of the published runs."""

import csv
import functools
import hashlib
import itertools
import pathlib

import pytest
import toy_study

from cmta_jax.results.grouping import gather
from cmta_jax.results.reading import find_runs, read_run
from cmta_jax.results.statistics import bootstrap_interval, interquartile_mean
from experiments.reporting.comparison import compare
from experiments.reporting.names import row_name

ROOT = pathlib.Path(__file__).parents[2]
RUNS = sorted((ROOT / "results/quickstart").glob("seed_*"))


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_the_quickstarts_table_is_that_of_its_final_csv(folder):
    run = read_run(folder)
    final = run.final[0]  # [N], success over all goal sets
    cells = [f"{value:.2f}" for value in (*final, final.mean())]
    row = f"| {run.seeds[0]} | {' | '.join(cells)} |"
    assert row in (ROOT / "docs/results.md").read_text().splitlines()


def test_a_published_run_has_the_flags_of_the_shipped_flagfile():
    shipped = (ROOT / "experiments/flags/quickstart.flags").read_text().splitlines()
    own = [line for line in shipped if line.startswith("--") and not line.startswith("--flagfile")]
    for folder in RUNS:
        kept = {
            line.split("=")[0]: line.split("=")[1]
            for line in (folder / "flags.flags").read_text().split()
            if "=" in line
        }
        for line in own:
            name, value = line.split("=")
            assert kept[name] == value or float(kept[name]) == float(value), (folder.name, line)


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


def test_published_files_are_those_of_the_checksums():
    for sums in ROOT.glob("results/*/SHA256SUMS"):
        listed = dict(reversed(line.split("  ")) for line in sums.read_text().splitlines())
        found = {
            path.relative_to(sums.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sums.parent.rglob("*")
            if path.is_file() and path != sums
        }
        assert found == listed, sums


def test_every_folder_of_published_runs_is_explained():
    page = (ROOT / "results/README.md").read_text()
    assert not [folder for folder in ROOT.glob("results/*/") if f"| `{folder.name}/" not in page]


@functools.cache
def groups_of(*folders):
    patterns = [str(ROOT / "results" / folder) for folder in folders]
    return gather([read_run(path) for path in find_runs(patterns)], row_name, 10**9)


def interval(row):
    return f"{row.ahead_by:+.1f} [{row.ahead_low:+.1f}, {row.ahead_high:+.1f}]" if row.pairs else "-"


def steps(row):
    return f"{row.steps_to_solve:,.0f} ({row.solved_seeds} of {row.seeds})" if row.solved_seeds else "never"


def test_the_table_of_few_is_that_of_its_runs():
    groups = groups_of("few/*")
    [comparison] = compare(groups, "CMTA")
    page, readme = (ROOT / "docs/results.md").read_text(), (ROOT / "README.md").read_text().splitlines()
    for row in comparison.rows:
        low, high = bootstrap_interval(groups[comparison.cell][row.agent].final)
        iqm = 100 * interquartile_mean(groups[comparison.cell][row.agent].final)
        ahead = interval(row)
        cells = [f"{row.final:.1f}", f"{iqm:.1f} [{100 * low:.1f}, {100 * high:.1f}]", f"{row.last_five:.1f}"]
        line = " | ".join([row.agent, str(row.seeds), *cells, steps(row), f"{row.kept:.1f}", ahead, row.answer or "-"])
        assert f"| {line} |" in page
        short = [line for line in readme if line.startswith(f"| {row.agent} | ")]
        assert short in ([], [f"| {row.agent} | {row.final:.1f} | {ahead if row.pairs else ''} |".replace("  ", " ")])


def test_the_row_that_was_run_again_is_inside_the_interval_of_the_first():
    first, again = (next(iter(groups_of(f"{name}/*").values()))["MTMH-SAC"].final for name in ("few", "few_again"))
    mean, iqm = f"{100 * again.mean():.1f}", f"{100 * interquartile_mean(again):.1f}"
    low, high = (100 * bound for bound in bootstrap_interval(first))
    assert (
        f"{mean} (IQM {iqm}), inside the first run's interval [{low:.1f}, {high:.1f}]"
        in (ROOT / "docs/results.md").read_text()
    )
    assert low <= 100 * interquartile_mean(again) <= high


@pytest.mark.parametrize("base", ["CMTA (contrastive floor 0)", "MTMH-SAC (size of CMTA)"])
def test_the_tables_of_the_recipe_are_those_of_its_runs(base):
    groups = groups_of("recipe/*")
    [comparison] = compare(groups, base)
    with open(ROOT / "results/recipe/iteration_ms.csv", newline="") as file:
        times = {row["run"]: float(row["iteration_ms"]) for row in csv.DictReader(file)}
    page, begin = (ROOT / "docs/learning.md").read_text().splitlines(), base.partition(" ")[0]
    for row in (row for row in comparison.rows if row.agent.startswith(begin)):
        run = pathlib.Path(groups[comparison.cell][row.agent].folders[0]).name
        minutes = f"{row.steps_to_solve * times[run] / 6e4:.1f}"
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


def two_rows(page, base, *folders):
    """The row of that name and the one beside it, and the text of a page on one line."""
    [comparison] = compare(groups_of(*folders), base)
    [other] = [row for row in comparison.rows if row.agent != base]
    return *(row for row in comparison.rows if row.agent == base), other, " ".join((ROOT / page).read_text().split())


def test_what_is_said_of_layer_norm_is_that_of_the_runs():
    normed, plain, page = two_rows("docs/learning.md", "CMTA", "few/cmta", "reward_scaling/cmta25_no_norm")
    assert plain.agent == "CMTA (critics without layer norm)"
    assert f"last five {plain.last_five:.1f}, 80 % after {steps(plain)}; with layer norm" in page
    assert f"with layer norm {normed.last_five:.1f} and {steps(normed)}." in page


def test_what_is_said_of_bfloat16_is_that_of_the_runs():
    name = "CMTA (contrastive floor 0)"
    full, half, page = two_rows("docs/performance.md", name, "recipe/none", "recipe/bf16")
    assert half.agent == f"{name} (bfloat16 activations)"
    said = f"final {half.final:.1f}, last five {half.last_five:.1f}, 80 % after {steps(half)}; in float32"
    assert f"{said} {full.final:.1f}, {full.last_five:.1f} and {steps(full)}." in page
    assert f"{half.ahead_by:.1f} [{half.ahead_low:.1f}, {half.ahead_high:+.1f}]" in page


@pytest.mark.parametrize(("folder", "value"), [("recipe", "0"), ("log_std", "-9")])
def test_the_table_of_initial_policies_is_that_of_its_runs(folder, value):
    name = "CMTA (contrastive floor 0)"
    [comparison] = compare(groups_of(f"{folder}/*"), name)
    [row] = [row for row in comparison.rows if row.agent == name]
    line = f"| {value} | {row.final:.1f} | {row.last_five:.1f} | {steps(row)} | {row.kept:.1f} |"
    assert line in (ROOT / "docs/learning.md").read_text().splitlines()


def test_the_answers_to_the_papers_claims_are_those_of_the_table():
    """That a part of CMTA helps is a claim about the row without it."""
    page = (ROOT / "docs/results.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    compared = [compare(groups_of("few/*"), base)[0] for base in ("CMTA", "CMTA (mean of critics, rewards over means)")]
    answers = {interval(row): row.answer for comparison in compared for row in comparison.rows if row.pairs}
    claims = [row for row in rows if len(row) == 3 and row[2].startswith(("+", "-")) and "[" in row[2]]
    assert len(claims) >= 8
    for claim, said, found in claims:
        assert said.partition(":")[0].partition(",")[0] == answers[found], claim
