"""Pictures of experts and attention."""

import sys

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from toy_runs import CMTA, MetaWorldSized, Toy, policy_file

from cmta_jax.environments import Pool, rendering
from experiments import inspect_modules
from experiments.inspection import encodings, figures
from experiments.policies import films

RANDOM = np.random.default_rng(0)
PLAIN = "MT-SAC (rewards over a running deviation, critics without layer norm)"


def test_similarity_is_the_mean_cosine():
    """Two experts: parallel at the first point, opposite at the second, at right angles at the third: mean 0."""
    first = np.array([[1.0, 0], [1, 0], [1, 0]])
    second = np.array([[5.0, 0], [-2, 0], [0, 3]])
    found = encodings.similarity(np.stack([first, second], axis=1))  # [P, K, F]
    np.testing.assert_allclose(found, [[1, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(encodings.similarity(np.stack([first, second], axis=1)[:2, :, :][:1])[0, 1], 1)


def test_points_know_their_expert_and_their_task():
    experts = np.zeros((4, 2, 3, 5)) + np.arange(3)[:, None]  # the value says which expert
    points, owner = encodings.of_experts(experts)
    assert points.shape == (24, 5) and np.array_equal(points[:, 0], owner)
    attention = np.zeros((4, 2, 3)) + np.arange(2)[:, None]
    points, owner = encodings.of_attention(attention)
    assert points.shape == (8, 3) and np.array_equal(points[:, 0], owner)


def test_long_episodes_of_many_tasks_are_thinned_over_their_whole_length():
    steps = encodings.spread_steps(150, 50 * 6)
    assert len(steps) == 10 and (steps[0], steps[-1]) == (0, 149)
    assert encodings.spread_steps(150, 10).tolist() == [*range(150)]


def test_clusters_stay_apart_in_the_plane_and_the_picture_repeats_itself():
    pytest.importorskip("sklearn")
    points = np.concatenate([RANDOM.normal(size=(30, 4)), RANDOM.normal(size=(30, 4)) + 50])
    one, other = encodings.projected(points), encodings.projected(points)
    np.testing.assert_array_equal(one, other)
    centres = one[:30].mean(axis=0), one[30:].mean(axis=0)
    assert np.linalg.norm(centres[0] - centres[1]) > one[:30].std() + one[30:].std()


def test_every_task_of_mt50_looks_different():
    assert len({tuple(look.values()) for look in figures.looks(50)}) == 50


def test_each_run_has_its_panel_with_a_cloud_per_expert(monkeypatch):
    monkeypatch.setattr(encodings, "projected", lambda points: points[:, :2])
    runs = [("with", RANDOM.normal(size=(5, 2, 3, 4))), ("without", RANDOM.normal(size=(5, 2, 6, 4)))]
    axes = figures.experts_in_the_plane(runs).axes
    assert [panel.get_title() for panel in axes] == ["with", "without"]
    assert [sum(isinstance(one, PathCollection) for one in panel.collections) for panel in axes] == [3, 6]


def test_the_figure_of_attention_says_whose_it_is(monkeypatch):
    monkeypatch.setattr(encodings, "projected", lambda points: points[:, :2])
    runs = [("one", RANDOM.dirichlet(np.ones(4), size=(5, 2)))]
    figure = figures.attention_in_the_plane(runs, ("reach-v3", "push-v3"), "critics")
    assert figure.get_suptitle().endswith("of the critics")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["reach", "push"]


def test_attention_over_time_fills_the_panel():
    attention = RANDOM.dirichlet(np.ones(9), size=20)  # [T, K]
    figure = figures.attention_over_time("reach-v3", attention, [(0, np.zeros((8, 8, 3))), (20, np.ones((8, 8, 3)))])
    *frames, panel = figure.axes
    assert [frame.get_title() for frame in frames] == ["step 0", "step 20"]
    assert len(panel.collections) == 9
    top = panel.collections[-1].get_paths()[0].vertices[:, 1].max()
    np.testing.assert_allclose(top, 1, atol=1e-6)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Policies to name on the command line."""
    folder = tmp_path_factory.mktemp("policies")
    return {
        "this": policy_file(folder / "this.safetensors", *CMTA),
        "other": policy_file(folder / "other.safetensors", "--benchmark=push-v3", *CMTA),
        "plain": policy_file(folder / "plain.safetensors", "--method=mtsac"),
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--workdir="], "No run was named: give --workdir, a run folder or a policy file, or --policy=shipped."),
        (["--workdir=/nowhere"], "/nowhere is neither a run folder (it has no flags.flags) nor a policy file"),
        (["--beside={other}"], "have different tasks: give two runs of one benchmark."),
        (["--workdir={plain}"], f"is a run of {PLAIN}, which has no experts to look at"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(paths, capsys, monkeypatch, arguments, sentence):
    monkeypatch.setattr(rendering, "find_backend", lambda: "none")
    arguments = [argument.format(**paths) for argument in arguments]
    assert inspect_modules.main([f"--workdir={paths['this']}", *arguments], Toy) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.startswith("inspect_modules: ") and said.count("\n") == 1
    assert not (paths["this"].parent / "modules").exists()


@pytest.mark.parametrize(
    ("arguments", "left_out"),
    [
        (["--cmta.num_experts=1"], {"figure_7_attention": "a single expert always has the weight 1."}),
        (
            ["--benchmark=reach-v3", "--horizon=1"],
            {
                "figure_7_attention": "t-SNE needs points that differ, here is 1 and all are equal.",
                "attention_reach-v3": "an episode of one step has no course over time.",
            },
        ),
    ],
)
def test_a_figure_that_has_too_little_to_show_is_left_out_with_a_sentence(
    tmp_path, capsys, monkeypatch, arguments, left_out
):
    pytest.importorskip("sklearn")
    monkeypatch.setattr(rendering, "find_backend", lambda: "none")
    shot = rendering.Shot(0, np.zeros((8, 8, 3), np.uint8), 0.0, False)
    monkeypatch.setattr(films, "shots_of", lambda *_: [shot])
    path = policy_file(tmp_path / "policy.safetensors", *CMTA, *arguments)
    assert inspect_modules.main([f"--workdir={path}"], Toy) == 0
    said = capsys.readouterr().out
    assert all(f"{name} is left out: {reason}" in said for name, reason in left_out.items())
    tasks = ("reach-v3",) if "--horizon=1" in arguments else ("reach-v3", "push-v3")
    movements = [line.split() for line in said.splitlines() if line.startswith(tasks)]
    assert [row[0] for row in movements] == [*tasks] and all(0 <= float(row[2]) < 0.5 for row in movements)
    still = "--cmta.num_experts=1" in arguments or "--horizon=1" in arguments
    assert still == all(float(row[2]) == 0 for row in movements)
    drawn = {"figure_5_experts", "figure_7_attention", "similarity", *(f"attention_{task}" for task in tasks)}
    assert {made.stem for made in (tmp_path / "modules").iterdir()} == drawn - left_out.keys()


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((12, 4)), np.arange(5.0)[:, None]])
def test_points_that_no_plane_can_show_are_refused_before_scikit_learn_sees_them(points):
    with pytest.raises(encodings.NothingToDraw, match="t-SNE needs points"):
        encodings.projected(points)


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_played(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rendering, "find_backend", lambda: "none")
    monkeypatch.setattr(films, "play", lambda *_: pytest.fail("played"))
    path = policy_file(tmp_path / "policy.safetensors", *CMTA)
    assert inspect_modules.main([f"--workdir={path}", f"--out={path}"], Toy) == 2
    assert f"{path} cannot be used (File exists): give another path." in capsys.readouterr().err


def test_without_scikit_learn_a_figure_has_nothing_to_draw(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(encodings.NothingToDraw, match="t-SNE needs scikit-learn: pip install scikit-learn"):
        encodings.projected(RANDOM.normal(size=(12, 4)))


def test_the_command_draws_everything(tmp_path):
    pytest.importorskip("sklearn")
    try:
        rendering.find_backend()
    except ValueError as error:
        pytest.skip(str(error))
    path = policy_file(
        tmp_path / "policy.safetensors", "--benchmark=reach-v3", "--horizon=20", *CMTA, pool=MetaWorldSized
    )
    assert inspect_modules.main([f"--workdir={path}", f"--beside={path}", "--env_workers=1"], Pool) == 0
    stems = {"figure_5_experts", "figure_7_attention", "similarity", "attention_reach-v3"}
    made = {path.name: path.read_bytes()[:4] for path in (tmp_path / "modules").iterdir()}
    assert made.keys() == {f"{stem}{end}" for stem in stems for end in (".png", ".pdf")}
    assert set(made.values()) == {b"\x89PNG", b"%PDF"}
