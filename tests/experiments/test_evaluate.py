"""Trained policies from a run folder, played by the two protocols."""

import csv
import io
import json
import pathlib
import pickle
import shutil
import sys

import jax
import numpy as np
import pytest
import toy_method
from comparing import close
from toy_runs import CMTA, MTMHSAC, MetaWorldSized, Toy, leaves_equal, main, policy_file, untrained

from cmta_jax.checkpoint import Checkpointer, save_policy
from cmta_jax.environments.simulator.fast import FastSimulator
from cmta_jax.runs.loading import load_policy
from cmta_jax.runs.policy import SHIPPED_FILE
from experiments import evaluate
from experiments.policies import films, metaworld_protocol, outcome, paper_protocol


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "two"
    with pytest.MonkeyPatch.context() as patch:
        toy_method.replace_mtmhsac(patch.setattr)
        assert main(path, "--num_seeds=2", "--steps_per_task=40", "--checkpoint_every=20", method=MTMHSAC) == 0
        yield path


@pytest.fixture(scope="module")
def trained(folder):
    return load_policy(folder, "newest", Toy)


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_the_paper_protocol_repeats_the_final_performance_of_the_run(folder, trained):
    """final.csv was played by the run itself: every goal set once, by the last policy."""
    assert evaluate.main([f"--workdir={folder}"], Toy) == 0
    final = rows(folder / "final.csv")
    for row in rows(folder / "evaluation_paper.csv"):
        same = [one for one in final if (one["seed"], one["task"]) == (row["seed"], row["task"])]
        assert (row["protocol"], row["step"], row["episodes"]) == ("paper", "40", "10") and len(same) == 10
        assert int(row["successes"]) == sum(int(one["success"]) for one in same)
        mean_return = np.mean([float(one["episode_return"]) for one in same])
        np.testing.assert_allclose(float(row["mean_return"]), mean_return, rtol=1e-4)


def test_a_table_that_cannot_be_written_is_still_printed_and_out_names_another_place(folder, tmp_path, capsys):
    copy = copied(folder, tmp_path)
    (copy / "evaluation_paper.csv").unlink(missing_ok=True)
    (copy / "evaluation_paper.csv").mkdir()  # nobody can write there, not even root
    assert evaluate.main([f"--workdir={copy}"], Toy) == 2
    said = capsys.readouterr()
    assert "mean of 2 tasks" in said.out
    assert said.err.endswith("cannot be written (Is a directory): give another folder with --out.\n")
    assert evaluate.main([f"--workdir={copy}", f"--out={tmp_path}/other/place"], Toy) == 0
    assert len(rows(tmp_path / "other" / "place" / "evaluation_paper.csv")) == 4  # 2 seeds, 2 tasks


def test_the_table_names_its_protocol_and_pools_the_seeds(capsys):
    result = outcome.Outcome("paper", "meaning.", 40, (0, 1), ("reach-v3",), 10, np.array([[4], [5]]), np.ones((2, 1)))
    lines = outcome.table(result).splitlines()
    assert lines[0] == "Protocol 'paper': meaning."
    # Wilson for 9 of 20 by hand: centre (0.45 + 0.096) / 1.192, half width 1.96 / 1.192 * sqrt(.2475/20 + .0024)
    assert lines[2].split() == ["reach-v3", "45.0", "[25.8,", "65.8]", "20", "1.0"]


def test_the_parameters_are_those_of_the_checkpoint_asked_for(folder, trained):
    first, best = load_policy(folder, "20", Toy), load_policy(folder, "best", Toy)
    assert (first.step, trained.step) == (20, 40)
    assert not leaves_equal(first.params.actor, trained.params.actor)
    with Checkpointer(folder / "checkpoints", read_only=True) as checkpointer:
        assert best.step == checkpointer.best_step()
    assert trained.seeds == (3, 4)
    assert {leaf.shape[0] for leaf in jax.tree.leaves(trained.params)} == {2}


def test_a_policy_file_gives_the_same_policy(tmp_path):
    before = untrained("--num_seeds=2", *CMTA)
    again = load_policy(policy_file(tmp_path / "policy.safetensors", "--num_seeds=2", *CMTA), "newest", Toy)
    assert leaves_equal(again.params, before.params) and again.seeds == (3, 4) and again.step == 7
    assert again.settings == before.settings
    assert again.folder == tmp_path


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(folder, tmp_path, caplog):
    copy = copied(folder, tmp_path)
    (copy / "checkpoints" / "step-000000040.json").write_text("{}")
    assert load_policy(copy, "newest", Toy).step == 20


def test_only_the_learner_is_read(folder, tmp_path):
    """Neither the replay nor the simulators' snapshot is needed."""
    copy = copied(folder, tmp_path)
    for path in [*(copy / "checkpoints").glob("replay-*"), *(copy / "checkpoints").glob("rest-*")]:
        path.unlink()
    assert load_policy(copy, "newest", Toy).step == 40


def test_mean_actions_repeat_themselves_and_sampled_ones_do_not(trained):
    observation, first = np.ones((2, 2, 1, 6), np.float32), np.zeros((2, 2, 1), bool)
    for sample in (False, True):
        player = trained.player(sample)
        one, carry = player.act(trained.params, player.begin(1, 0), observation, first)
        other, _ = player.act(trained.params, player.begin(1, 1), observation, first)
        assert np.array_equal(one, other) != sample
        again, _ = player.act(trained.params, carry._replace(carry=player.begin(1, 0).carry), observation, first)
        assert np.array_equal(one, again) != sample


@pytest.mark.parametrize(("platform", "said"), [("gpu", "BF16_BF16_F32"), ("cpu", "HIGHEST")])
def test_a_policy_acts_in_the_precision_of_its_run_unless_on_a_cpu(platform, said, monkeypatch):
    trained = untrained("--matmul_precision=bfloat16", *CMTA)
    monkeypatch.setattr(type(jax.devices()[0]), "platform", platform, raising=False)
    player = trained.player(False)
    observation, first = np.ones((1, 2, 1, 6), np.float32), np.zeros((1, 2, 1), bool)
    jaxpr = jax.make_jaxpr(player.act)(trained.params, player.begin(1, 0), observation, first)
    assert said in str(jaxpr)


def test_sampled_episodes_are_all_counted(folder):
    assert evaluate.main([f"--workdir={folder}", "--sample", "--episodes=2"], Toy) == 0
    assert {row["episodes"] for row in rows(folder / "evaluation_paper.csv")} == {"20"}


def test_fixed_goals_are_each_seeds_own():
    trained = untrained("--goals=fixed", "--copies_per_task=2", *CMTA)
    pool = Toy(trained.settings.environment, trained.seeds, 2)
    assert paper_protocol.play(trained, pool, 1, False).episodes == 1


def test_the_official_agent_keeps_and_resets_the_memory_of_each_environment(trained):
    """Against the method itself, lane by lane, with the episode of task 1 beginning anew before the third step."""
    agent = metaworld_protocol.OfficialAgent(trained.of_seeds(4), sample=False)
    agent.reset(np.ones(2, bool))
    params = jax.tree.map(lambda leaf: leaf[1], trained.params)
    carry, observations = trained.method.begin(1), np.random.default_rng(0).normal(size=(4, 2, 6))
    for step, observation in enumerate(observations):
        first = np.array([[step == 0], [step in (0, 2)]])
        if step:
            agent.reset(first[:, 0])
        action, _, carry = trained.method.act(
            params, carry, observation.astype(np.float32)[:, None], first, jax.random.key(0), False
        )
        close(agent.eval_action(observation), action[:, 0], rtol=1e-5)


def test_the_official_evaluation_plays_our_policy():
    trained = untrained("--benchmark=reach-v3", *CMTA, pool=MetaWorldSized)
    result = metaworld_protocol.play(trained, episodes=1, sample=False)
    assert (result.protocol, result.episodes, result.tasks) == ("metaworld", 1, ("reach-v3",))
    assert result.successes.shape == (1, 1) and 0 < result.mean_return[0, 0] < 5000


@pytest.mark.parametrize(
    ("arguments", "goals"),
    [
        ((), "goals drawn from the 50 of training, at most"),
        (("--goals=fixed",), "of which training used one (--protocol=paper plays that one)"),
        (("--benchmark=mt10",), "goals drawn from the 50 of training, at most"),
    ],
)
def test_the_official_protocol_says_whether_its_goals_are_those_of_training(monkeypatch, arguments, goals):
    trained = untrained(*CMTA, *arguments)
    rates, returns = (dict.fromkeys(trained.spec.task_names, value) for value in (1.0, [1.0]))
    monkeypatch.setattr(metaworld_protocol, "evaluation", lambda *_, **__: (0, 0, rates, returns))
    monkeypatch.setattr(metaworld_protocol, "official_environments", lambda *_: io.BytesIO())
    assert goals in metaworld_protocol.play(trained, episodes=1, sample=False).meaning


def test_the_official_environments_of_a_list_of_tasks_have_the_goals_of_training():
    """One stream through the list, as in the workers, and not the first goals of each task alone."""
    stream, played = np.random.RandomState(7), metaworld_protocol.official_environments(("push-v3", "reach-v3"), 7)
    for task, environment in zip(("push-v3", "reach-v3"), played.envs, strict=True):
        goals = [pickle.loads(goal.data)["rand_vec"] for goal in environment.get_wrapper_attr("tasks")]
        assert np.array_equal(goals, FastSimulator(task).draw_goal_vectors(stream))
        environment.reset()
        assert any(np.array_equal(environment.unwrapped._last_rand_vec, goal) for goal in goals)


def test_official_rates_become_counts_of_the_right_task(trained, monkeypatch):
    def evaluation(agent, environments, num_episodes):
        return 0.0, 0.0, {"push-v3": 1 / 3, "reach-v3": 1.0}, {"push-v3": [1.0, 2.0, 3.0], "reach-v3": [5.0] * 3}

    class Environments:
        def close(self):
            pass

    monkeypatch.setattr(metaworld_protocol, "evaluation", evaluation)
    monkeypatch.setattr(metaworld_protocol, "official_environments", lambda tasks, seed: Environments())
    result = metaworld_protocol.play(trained, episodes=3, sample=False)
    assert result.successes.tolist() == [[3, 1]] * 2 and result.mean_return.tolist() == [[5.0, 2.0]] * 2


@pytest.mark.slow
def test_the_official_vector_has_our_order_of_tasks():
    from metaworld.evaluation import _get_task_names

    from cmta_jax.environments.benchmarks import MT10

    environments = metaworld_protocol.official_environments(MT10, 0)
    assert tuple(_get_task_names(environments)) == MT10
    environments.close()


def manifest_with(copy, change):
    """Rewrites the metadata of all manifests, with digests that fit."""
    from cmta_jax.checkpoint import manifest

    for path in (copy / "checkpoints").glob("step-*.json"):
        page = json.loads(path.read_text())
        page["body"]["metadata"]["flags"].update(change)
        path.write_text(json.dumps(page | {"digest": manifest._digest(page["body"])}))


@pytest.mark.parametrize(
    ("spoil", "arguments", "sentence"),
    [
        (None, ["--protocol=papr"], "Unknown protocol 'papr': choose paper or metaworld."),
        (None, ["--episodes=2"], "--episodes=2 would play the same episode 2 times: add --sample."),
        (None, ["--step=7"], "has no checkpoint of --step=7: choose newest, best or one of 20, 40."),
        (None, ["--workdir="], "No policy was named: give --workdir, a run folder or a policy file, or --policy="),
        (None, ["--workdir=/nowhere"], "/nowhere is neither a run folder (it has no flags.flags) nor a policy file"),
        (None, ["extra"], "Unexpected 'extra': write flags as --name=value."),
        (lambda copy: shutil.rmtree(copy / "checkpoints"), [], "has no checkpoint that can be read"),
        (lambda copy: manifest_with(copy, {"method": "care"}), [], "--method=care, but flags.flags says mtmhsac"),
        (lambda copy: manifest_with(copy, {"horizon": "20"}), [], "made with --horizon=20, but flags.flags says 10"),
        (lambda copy: (copy / "flags.flags").write_bytes(b"\xff\xfe"), [], "is not a text file: is it a flagfile?"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_status_2(folder, tmp_path, capsys, spoil, arguments, sentence):
    copy = copied(folder, tmp_path)
    if spoil:
        spoil(copy)
    assert evaluate.main([f"--workdir={copy}", *arguments], Toy) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.startswith("evaluate: ") and said.count("\n") == 1


def test_damaged_parameters_are_named(folder, tmp_path, capsys):
    copy = copied(folder, tmp_path)
    for path in (copy / "checkpoints").glob("state-*/**/*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert evaluate.main([f"--workdir={copy}"], Toy) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("evaluate: the checkpoint of step 20 in") and "bytes instead of" in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "cannot be loaded as a policy"), (b"x" * 100, "cannot be loaded as a policy")],
)
def test_a_foreign_file_is_no_policy(tmp_path, capsys, content, sentence):
    (tmp_path / "policy.safetensors").write_bytes(content)
    assert evaluate.main([f"--workdir={tmp_path}/policy.safetensors"], Toy) == 2
    assert sentence in capsys.readouterr().err


def test_a_policy_file_without_flags_is_refused(trained, tmp_path, capsys):
    save_policy(tmp_path / "policy.safetensors", trained.params, {})
    assert evaluate.main([f"--workdir={tmp_path}/policy.safetensors"], Toy) == 2
    assert "does not say with which flags its policy was trained" in capsys.readouterr().err


def test_a_reader_that_leaves_early_costs_no_numbers(tmp_path, monkeypatch):
    """As in `evaluate ... | head -1`."""

    class Left(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return file.fileno()

    path = policy_file(tmp_path / "policy.safetensors", *CMTA)
    with open(tmp_path / "stdout", "w") as file:
        monkeypatch.setattr(sys, "stdout", Left())
        assert evaluate.main([f"--workdir={path}"], Toy) == 0
    assert len(rows(tmp_path / "evaluation_paper.csv")) == 2


def test_a_film_is_made_by_the_camera_that_was_named(tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(films, "make", lambda *arguments: asked.append(arguments[-1]) or [])
    path = policy_file(tmp_path / "policy.safetensors", *CMTA)
    assert evaluate.main([f"--workdir={path}", "--video", "--camera=topview"], Toy) == 0
    assert asked == ["topview"]
    assert evaluate.main([f"--workdir={path}", "--video", "--camera=bottom"], Toy) == 2
    assert "corner4|corner|corner2|corner3|topview" in capsys.readouterr().err


def test_the_shipped_policy_is_that_of_the_results():
    published = pathlib.Path(__file__).parents[2] / "results" / "quickstart" / "seed_0" / "policy.safetensors"
    assert SHIPPED_FILE.read_bytes() == published.read_bytes()


def test_the_shipped_policy_plays_by_its_name_and_leaves_its_numbers_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert evaluate.main(["--policy=shipped"], MetaWorldSized) == 0
    assert len(rows("shipped_policy/evaluation_paper.csv")) == 3  # tasks
    assert evaluate.main(["--policy=shipped", "--out=elsewhere"], MetaWorldSized) == 0
    assert len(rows("elsewhere/evaluation_paper.csv")) == 3


def test_a_file_named_shipped_in_the_working_directory_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = policy_file(tmp_path / "shipped", *CMTA)
    assert load_policy("shipped", "newest", Toy).step == 7
    path.unlink()
    assert load_policy("shipped", "newest", MetaWorldSized).source == SHIPPED_FILE


def test_help_is_printed(capsys):
    assert evaluate.main(["--help"], Toy) == 0
    assert "--protocol" in capsys.readouterr().out
