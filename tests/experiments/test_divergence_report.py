"""Numbers that are none stop a run, are written down, and leave its last good checkpoint."""

import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from divergence_examples import FINE, WRONG, batch, metrics, params, told
from toy_runs import MTMHSAC, Toy, main, numbers, table

from cmta_jax.checkpoint import arrays
from cmta_jax.storage.run_folder import RunFolder
from experiments.training_run import divergence_report

TASKS = ("reach-v3", "push-v3")


def steps_saved(folder):
    return sorted(int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("step-*.json"))


class Broken(Toy):
    """Says once that a lane is nowhere, five steps after the evaluation at step 40."""

    def receive(self):
        step = super().receive()
        if self.steps == 40 + 2 * 20 + 5:
            step.next_observation[1, 2] = np.nan
        return step


def test_an_observation_that_is_none_stops_the_run_which_then_goes_on_from_before(whole, tmp_path, capsys):
    assert main(tmp_path / "run", pool=Broken) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: Numerical trouble in step 44, seed 3, push-v3: next_observation is not finite; its")
    place = tmp_path / "run" / "trouble" / "step-000000044"
    assert json.loads((place / "trouble.json").read_text())["lanes"] == {
        "next_observation": [{"seed": 3, "task": "push-v3", "copy": 0}]
    }
    lanes = dict(arrays.read(place / "lanes.safetensors"))
    assert np.isnan(lanes["next_observation"]).sum() == 1 and lanes["action"].shape == (1, 2, 1, 2)
    assert steps_saved(tmp_path / "run") == [30]
    assert main(tmp_path / "run", "--resume") == 0
    assert numbers(tmp_path / "run") == numbers(whole)


def test_parameters_that_are_none_stop_the_run_before_they_are_saved(tmp_path, capsys):
    """With such a rate all losses are finite and the norms of the parameters are not: seen before step 15 is saved."""
    flags = "--actor_learning_rate=1e30", "--log_every=1000", "--checkpoint_every=15"
    assert main(tmp_path / "run", *flags, method=MTMHSAC) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: Numerical trouble in step 14, seed 3, all tasks: parameters actor is not finite")
    (update,) = json.loads((tmp_path / "run" / "trouble" / "step-000000014" / "trouble.json").read_text())["updates"]
    assert update["what"] == {"parameters actor": "inf"} and update["metrics"]["critic_loss"] > 0
    held = dict(arrays.read(tmp_path / "run" / "trouble" / "step-000000014" / "seed-3.safetensors"))
    assert held["observation"].shape == (2, 8, 6) and np.isfinite(held["observation"]).all()
    assert steps_saved(tmp_path / "run") == [] and table(tmp_path / "run" / "eval.csv") == []


@pytest.mark.slow
def test_a_critic_loss_beyond_the_limit_stops_the_run_and_a_higher_limit_lets_it_go_on(whole, tmp_path, capsys):
    assert main(tmp_path / "run", "--steps_per_task=40") == 0
    assert main(tmp_path / "run", "--steps_per_task=60", "--max_critic_loss=1e-6", "--resume") == 1
    assert "critic_loss is above --max_critic_loss=1e-06" in capsys.readouterr().err
    assert [row["step"] for row in table(tmp_path / "run" / "train.csv")] == ["20", "30", "40"]
    assert steps_saved(tmp_path / "run") == [30, 40]
    assert main(tmp_path / "run", "--steps_per_task=60", "--max_critic_loss=1e8", "--resume") == 0
    assert numbers(tmp_path / "run") == numbers(whole)


def stacked(*held):
    """Watches of single seeds as one of several."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *held)


def found(folder, *of_seeds, limit=100.0):
    """The sentence and the page about what there is to say of seeds 4, 5, ..."""
    seeds = range(4, 4 + len(of_seeds))
    with RunFolder(folder, {}) as run_folder, pytest.raises(divergence_report.NumericalTrouble) as error:
        divergence_report.check("held", run_folder, seeds, TASKS, limit, lambda: stacked(*of_seeds))
    (page,) = (folder / "trouble").glob("*/trouble.json")
    return str(error.value), json.loads(page.read_text())["updates"]


def test_the_seed_and_the_task_of_a_metric_are_named(tmp_path):
    sentence, (update,) = found(tmp_path, told(FINE), told(FINE, WRONG["a metric of one task"]))
    assert sentence.startswith("Numerical trouble in step 1, seed 5, push-v3: q_mean is not finite; its numbers are")
    assert update["metrics"]["q_mean"] == [1.0, "nan"]
    assert {path.name for path in tmp_path.glob("trouble/*/*")} == {"trouble.json", "seed-5.safetensors"}


def test_the_task_with_the_bad_transition_is_named_rather_than_all_that_it_spoilt(tmp_path):
    update = metrics(q_mean=jnp.full(2, np.nan, jnp.float32)), FINE[1]
    rewards = jnp.ones((2, 3)).at[0, 1].set(jnp.inf)
    sentence, _ = found(tmp_path, told(update, read=batch(0)._replace(reward=rewards)))
    assert "seed 4, reach-v3: q_mean" in sentence


def test_of_a_loss_that_grows_the_task_with_the_largest_value_is_named(tmp_path):
    growing = metrics(critic_loss=jnp.float32(101), q_mean=jnp.float32([-3, 2]))
    sentence, updates = found(tmp_path, told((growing, FINE[1])), told(FINE, (growing, FINE[1])))
    assert "step 0, seed 4, reach-v3: critic_loss is above --max_critic_loss=100;" in sentence
    assert [update["step"] for update in updates] == [0, 1]


def test_parameters_are_blamed_if_nothing_else_is_wrong(tmp_path):
    """Where a metric was wrong first, the parameters of now only followed."""
    bad = params(np.inf)
    sentence, _ = found(tmp_path / "one", told(FINE, (metrics(), bad)))
    assert "step 1, seed 4, all tasks: parameters action is not finite, parameters carry is" in sentence
    sentence, _ = found(tmp_path / "other", told(WRONG["a metric of one task"], (metrics(), bad)))
    assert "step 0, seed 4, push-v3: q_mean is not finite; its" in sentence


def test_no_trouble_says_and_writes_nothing(tmp_path):
    with RunFolder(tmp_path, {}) as folder:
        divergence_report.check((), folder, (4,), TASKS, 100.0, lambda: None)
        divergence_report.check("held", folder, (4,), TASKS, 100.0, lambda: stacked(told(FINE)))
    assert not (tmp_path / "trouble").exists()


def test_a_full_disk_does_not_hide_the_trouble(tmp_path):
    (tmp_path / "trouble").write_text("no folder")
    folder = types.SimpleNamespace(file=lambda name: tmp_path / name)
    sentence, said = (
        "critic_loss is not finite; its numbers could not be written",
        stacked(told(WRONG["a loss is infinite"])),
    )
    with pytest.raises(divergence_report.NumericalTrouble, match=sentence):
        divergence_report.check("held", folder, (4,), TASKS, 100.0, lambda: said)
