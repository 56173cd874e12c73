"""The figures of the documentation are those of the published runs."""

import pathlib

import pytest

from cmta_jax.results.reading import read_run

ROOT = pathlib.Path(__file__).parents[2]
RUNS = sorted((ROOT / "results/quickstart").iterdir())


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
