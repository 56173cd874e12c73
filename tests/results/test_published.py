"""The figures of README.md and docs/results.md are those of the published runs."""

import hashlib

import pytest
from published import ROOT, groups_of, interval, row_of_results, two_rows

from cmta_jax.results.reading import read_run
from cmta_jax.results.statistics import bootstrap_interval, interquartile_mean
from experiments.reporting.comparison import compare

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


def test_the_table_of_few_is_that_of_its_runs():
    groups = groups_of("few/*")
    [comparison] = compare(groups, "CMTA")
    page, readme = (ROOT / "docs/results.md").read_text().splitlines(), (ROOT / "README.md").read_text().splitlines()
    for row in comparison.rows:
        assert row_of_results(row, groups[comparison.cell][row.agent].final) in page
        ahead = interval(row)
        short = [line for line in readme if line.startswith(f"| {row.agent} | ")]
        assert short in ([], [f"| {row.agent} | {row.final:.1f} | {ahead if row.pairs else ''} |".replace("  ", " ")])


def test_what_is_said_of_cmta_without_layer_norm_is_that_of_its_runs():
    folders = "few/mtmhsac_size_of_cmta", "reward_scaling/cmta25_no_norm*"
    _, plain, page = two_rows("docs/results.md", "CMTA (critics without layer norm)", *folders)
    assert plain.answer == "no"
    behind = f"by {-plain.ahead_by:.1f} [{-plain.ahead_high:+.1f}, {-plain.ahead_low:+.1f}]"
    assert f"without it CMTA is still behind the plain network of its size, {behind}" in page


def test_the_tables_of_mt10_medium_are_those_of_its_runs():
    groups = groups_of("mt10_medium/*")
    [comparison] = compare(groups, "CMTA")
    page = (ROOT / "docs/results.md").read_text().splitlines()
    finals = [groups[comparison.cell][row.agent].final for row in comparison.rows]
    for row, final in zip(comparison.rows, finals, strict=True):
        assert row_of_results(row, final) in page
    tasks = next(iter(groups[comparison.cell].values())).tasks
    for number, task in enumerate(tasks):
        cells = [" ".join(f"{value:.2f}" for value in final[:, number]) for final in finals]
        assert f"| {' | '.join([task.removesuffix('-v3'), *cells])} |" in page
    for row in comparison.rows:
        for seed, curve in enumerate(groups[comparison.cell][row.agent].success.mean(axis=2)):
            assert f"| {row.agent} | {seed} | {' '.join(f'{value:.2f}' for value in curve)} |" in page


def test_the_row_that_was_run_again_is_inside_the_interval_of_the_first():
    first, again = (next(iter(groups_of(f"{name}/*").values()))["MTMH-SAC"].final for name in ("few", "few_again"))
    mean, iqm = f"{100 * again.mean():.1f}", f"{100 * interquartile_mean(again):.1f}"
    low, high = (100 * bound for bound in bootstrap_interval(first))
    assert (
        f"{mean} (IQM {iqm}), inside the first run's interval [{low:.1f}, {high:.1f}]"
        in (ROOT / "docs/results.md").read_text()
    )
    assert low <= 100 * interquartile_mean(again) <= high


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
