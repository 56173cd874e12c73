"""Which runs share a row, which are refused, and how their seeds are joined."""

import numpy as np
import pytest
from run_folders import write_run

from cmta_jax.results.grouping import gather
from cmta_jax.results.protocol import Cell
from cmta_jax.results.reading import read_run

MIXED = Cell("mt10", "mixed")


def group(*folders, limit=6000, may_differ=()):
    return gather([read_run(folder) for folder in folders], lambda flags: flags.text("method"), limit, may_differ)


def write(path, seed, steps=2, **flags):
    return write_run(path, np.full((1, steps, 2), seed / 10), seeds=(seed,), flags=flags, final=np.ones((1, 2, 1)))


def test_seeds_of_several_folders_are_joined(tmp_path):
    row = group(write(tmp_path / "a", 1), write(tmp_path / "b", 3, env_workers=7))[MIXED]["cmta"]
    assert row.seeds == row.final_seeds == (1, 3)
    assert row.folders == (str(tmp_path / "a"), str(tmp_path / "b"))
    np.testing.assert_array_equal(row.success[:, 0, 0], [0.1, 0.3])
    assert row.final.shape == (2, 2) and row.notes == ()


def test_kinds_of_goals_are_columns_and_never_meet(tmp_path):
    table = group(write(tmp_path / "a", 1), write(tmp_path / "b", 1, goals="fixed", horizon=200))
    assert table.keys() == {MIXED, Cell("mt10", "fixed")}


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("horizon", 500, "--horizon differs: 150 in .*/a, 500 in .*/b"),
        ("reward_version", "v1", "--reward_version differs: v2 in .*/a, v1 in"),
        ("success_version", None, "--success_version differs: v2 in .*/a, not set in"),
        ("eval_episodes", 5, "--eval_episodes differs"),
        ("eval_every", 1500, "--eval_every differs"),
    ],
)
def test_another_protocol_is_refused_by_the_flag_even_for_another_method(tmp_path, flag, value, sentence):
    other = write_run(tmp_path / "b", np.zeros((1, 2, 2)), seeds=(2,), method="care", flags={flag: value})
    with pytest.raises(ValueError, match=sentence):
        group(write(tmp_path / "a", 1), other)


def test_another_setting_of_the_same_method_is_refused_unless_allowed(tmp_path):
    folders = write(tmp_path / "a", 1, hidden_dim=64), write(tmp_path / "b", 2, hidden_dim=512)
    with pytest.raises(ValueError, match="--hidden_dim differs: 64 in .*/a, 512 in .*/b; .*--may_differ"):
        group(*folders)
    assert group(*folders, may_differ=["hidden_dim"])[MIXED]["cmta"].seeds == (1, 2)


def test_a_run_from_before_a_flag_shares_a_row_with_runs_that_do_what_it_did(tmp_path):
    older = write(tmp_path / "a", 1)
    same = write(tmp_path / "b", 2, reward_scaling="running_std", reward_scale=1, **{"cmta.memory_history": 0})
    assert group(older, same)[MIXED]["cmta"].seeds == (1, 2)
    with pytest.raises(ValueError, match="--reward_scaling differs: not set in .*/a, none in .*/c"):
        group(older, write(tmp_path / "c", 3, reward_scaling="none"))


def test_settings_of_the_method_itself_matter_and_those_of_others_do_not(tmp_path):
    first = write(tmp_path / "a", 1, **{"care.num_experts": 4, "cmta.num_experts": 6})
    group(first, write(tmp_path / "b", 2, **{"care.num_experts": 6, "cmta.num_experts": 6}))
    with pytest.raises(ValueError, match="--cmta.num_experts differs"):
        group(first, write(tmp_path / "c", 3, **{"care.num_experts": 4, "cmta.num_experts": 4}))


def test_settings_of_the_method_that_is_wrapped_matter(tmp_path):
    flags = {"method": "tsac", "tsac.base": "cmta"}
    folders = [write(tmp_path / str(n), n, **flags, **{"cmta.num_experts": n}) for n in (2, 4)]
    with pytest.raises(ValueError, match="--cmta.num_experts differs: 2 in"):
        group(*folders)


def test_the_same_seed_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Seed 1 is in .*/a and in .*/b"):
        group(write(tmp_path / "a", 1), write(tmp_path / "b", 1))


def test_other_tasks_in_the_same_cell_are_refused(tmp_path):
    other = write_run(tmp_path / "b", np.zeros((1, 2, 2)), seeds=(2,), tasks=("reach-v3", "sweep-v3"))
    with pytest.raises(ValueError, match=r"differ in tasks \(push-v3\)"):
        group(write(tmp_path / "a", 1), other)


def test_of_several_lengths_the_one_next_above_the_limit_is_used(tmp_path):
    folders = [write(tmp_path / str(n), n, steps=n, steps_per_task=3000 * n) for n in (1, 2, 4)]
    row = group(*folders)[MIXED]["cmta"]  # limit 6000
    assert row.seeds == (2,) and row.goal_sets == 1
    assert row.notes == ("2 run(s) of another --steps_per_task left out",)
    assert group(*folders, limit=99000)[MIXED]["cmta"].seeds == (4,)


def test_a_longer_run_is_cut_at_the_limit_and_has_no_final_performance_there(tmp_path):
    row = group(write(tmp_path / "a", 1, steps=5, steps_per_task=15000))[MIXED]["cmta"]
    np.testing.assert_array_equal(row.steps, [3000, 6000])
    assert row.success.shape == (1, 2, 2) and row.final.shape == (0, 2) and row.goal_sets == 0
    assert "cut at 6,000" in row.notes[0]


def test_unfinished_seeds_cut_the_others_and_a_note_says_so(tmp_path):
    row = group(write(tmp_path / "a", 1), write(tmp_path / "b", 2, steps=1))[MIXED]["cmta"]
    np.testing.assert_array_equal(row.steps, [3000])
    assert row.notes == ("unfinished: 3,000 of 6,000 steps per task",)


def test_evaluations_at_other_steps_are_refused(tmp_path):
    folder = write(tmp_path / "b", 2)
    (folder / "eval.csv").write_text((folder / "eval.csv").read_text().replace("\n3000,", "\n1500,"))
    with pytest.raises(ValueError, match="were evaluated at different steps"):
        group(write(tmp_path / "a", 1), folder)
