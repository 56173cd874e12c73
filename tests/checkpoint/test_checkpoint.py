"""What is saved comes back bit for bit, whatever the replay did in between."""

import dataclasses
import json
import logging
import os
import pathlib
import subprocess
import sys

import checkpoint_example as example
import jax
import numpy as np
import pytest

from cmta_jax.checkpoint import Checkpoint, Checkpointer, CheckpointError, load_policy, replay_files, save_policy


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    example.small_blocks(monkeypatch)


def save_at(checkpointer: Checkpointer, *steps: int, replay=None, begin: int = 0) -> None:
    replay = example.empty() if replay is None else replay
    for step in steps:
        replay, begin = example.play(replay, begin, step), step
        assert checkpointer.save(example.checkpoint(step, replay), best=float(step), wait=True)


def restored(folder: pathlib.Path, **options) -> Checkpoint | None:
    with Checkpointer(folder, read_only=True) as checkpointer:
        return checkpointer.restore(*example.templates(), **options)


@pytest.mark.parametrize(
    "steps",
    [(5,), (50, 60, 70), (100, 130, 135, 160), (140, 600), (10, 75, 400, 410), (130, 190, 250, 251, 252, 300, 380)],
    ids=["first", "growing", "wrapping", "more rows than the ring", "half the ring at once", "often"],
)
def test_a_restored_run_is_the_run_that_was_saved(tmp_path, steps):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, *steps)
        for step in checkpointer.steps():
            example.assert_same(restored(tmp_path, step=step), example.at(step))
    example.assert_same(restored(tmp_path), example.at(steps[-1]))


@pytest.mark.parametrize("name", ["[a]", "a*b", "what?", "back\\slash", "[!x]/deep", os.fsdecode(b"latin\xe4")])
def test_a_folder_may_have_characters_that_are_patterns_or_no_text_elsewhere(tmp_path, name):
    (tmp_path / "a").mkdir()  # what [a] matches as a pattern
    with Checkpointer(tmp_path / name) as checkpointer:
        save_at(checkpointer, 10, 20)
    example.assert_same(restored(tmp_path / name), example.at(20))
    assert [*(tmp_path / "a").iterdir()] == []


def test_a_resumed_run_goes_on_saving_only_what_is_new(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 300)
    with Checkpointer(tmp_path) as checkpointer:
        found = checkpointer.restore(*example.templates())
        save_at(checkpointer, 305, replay=found.replay, begin=300)
        example.assert_same(restored(tmp_path), example.at(305))
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("replay-*"))]
    assert sizes[1] < sizes[0] / 3


def test_a_checkpoint_is_a_copy_although_its_replay_is_donated_while_it_is_written(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        replay = example.play(example.empty(), 0, 100)
        for begin in range(100, 400, 50):
            checkpointer.save(example.checkpoint(begin, replay))
            replay = example.play(replay, begin, begin + 50)
    example.assert_same(restored(tmp_path), example.at(350))


def test_a_checkpoint_is_a_copy_although_its_arrays_are_overwritten_while_it_is_written(tmp_path):
    found = example.at(50)
    episode, count = found.pool["episode"], found.state.optimiser[2]
    with Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(found)
        episode += 1000
        count += 1000
        jax.jit(lambda critic: jax.tree.map(lambda leaf: leaf * 0, critic), donate_argnums=0)(
            found.state.params["critic"]
        )
    example.assert_same(restored(tmp_path), example.at(50))


def test_blocks_may_wait_on_the_device_or_be_fetched_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(replay_files, "BYTES_LEFT_ON_DEVICE", 0)
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 200)
    example.assert_same(restored(tmp_path), example.at(200))


def test_every_row_that_an_add_changes_is_saved():
    rows = example.ROWS
    replay, step = example.play(example.empty(), 0, 40), 40
    for count in (0, 1, 2, 3, 30, 60, 7, 1, 1):
        before = jax.tree.map(np.array, replay)
        replay, step = example.play(replay, step, step + count), step + count
        saved = replay_files.Saved(step - count, before.cursor, before.size, replay_files.empty_ring(before))
        changed = replay_files.changed_rows(saved, step, np.array(replay.cursor), np.array(replay.size), rows)
        for old, new in ((before.numbers, replay.numbers), (before.valid, replay.valid)):
            different = np.moveaxis(old != np.array(new), 3, 0).reshape(rows, -1).any(axis=1)
            assert not np.any(different & ~changed)


def test_the_last_ones_and_the_best_are_kept_and_nothing_else(tmp_path):
    with Checkpointer(tmp_path, keep=2) as checkpointer:
        replay = example.empty()
        for step, success in [(10, 0.1), (20, 0.9), (30, 0.9), (40, 0.3), (50, None), (60, float("nan"))]:
            replay = example.play(replay, step - 10, step)
            checkpointer.save(example.checkpoint(step, replay), best=success, wait=True)
        assert checkpointer.steps() == [30, 50, 60] and checkpointer.best_step() == 30
        assert len([*tmp_path.glob("state-*")]) == len([*tmp_path.glob("rest-*")]) == 3
    for step in (30, 50, 60):
        example.assert_same(restored(tmp_path, step=step), example.at(step))


def test_files_of_the_replay_go_when_all_their_rows_have_been_written_again(tmp_path):
    with Checkpointer(tmp_path, keep=1) as checkpointer:
        save_at(checkpointer, *range(20, 420, 20))
        chunks = [path.stat().st_size for path in tmp_path.glob("replay-*")]
        whole = example.empty().numbers.nbytes
        assert len(chunks) < 12 and sum(chunks) < 2 * whole


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "state-of-the-art.pdf").write_text("mine")
    with Checkpointer(tmp_path, keep=1) as checkpointer:
        save_at(checkpointer, 10, 20)
    assert {path.name for path in tmp_path.iterdir()} >= {"notes.txt", "state-of-the-art.pdf"}


def test_an_empty_folder_restores_nothing(tmp_path):
    assert restored(tmp_path / "missing") is None and not (tmp_path / "missing").exists()
    with Checkpointer(tmp_path) as checkpointer:
        assert checkpointer.restore(*example.templates()) is None and checkpointer.metadata() is None


def test_metadata_says_which_versions_and_is_read_without_templates(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 10)
        metadata = checkpointer.metadata()
    assert metadata["method"] == "cmta" and metadata["versions"]["jax"] == jax.__version__


def test_what_cannot_be_saved_is_refused_where_it_is_asked_for(tmp_path):
    good = example.at(3)
    with Checkpointer(tmp_path) as checkpointer:
        with pytest.raises(ValueError, match="dtype"):
            checkpointer.save(good._replace(pool={"lanes": np.array(["a"], object)}))
        with pytest.raises(ValueError, match="not JSON compliant"):
            checkpointer.save(good._replace(metadata={"success": float("nan")}))
        assert checkpointer.steps() == []
    with pytest.raises(ValueError, match="keep=0"):
        Checkpointer(tmp_path, keep=0)


def test_a_folder_with_checkpoints_is_not_written_to_before_it_is_restored(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 10)
    with Checkpointer(tmp_path) as checkpointer, pytest.raises(CheckpointError, match="resume it or choose"):
        checkpointer.save(example.at(5))


def test_going_back_to_an_earlier_step_forgets_the_later_ones_once_the_next_is_saved(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 10, 20, 30)
        found = checkpointer.restore(*example.templates(), step=10)
        assert checkpointer.steps() == [10, 20, 30]
        save_at(checkpointer, 15, replay=found.replay, begin=10)
        assert checkpointer.steps() == [10, 15]
    example.assert_same(restored(tmp_path), example.at(15))


def test_rows_of_another_precision_are_refused(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 10)
        state, replay = example.templates()
        dtypes = tuple(np.dtype(np.float32) for _ in replay.layout.dtypes)  # not what carry and success are
        other = dataclasses.replace(replay, layout=dataclasses.replace(replay.layout, dtypes=dtypes))
        with pytest.raises(CheckpointError, match="in another shape than this replay has"):
            checkpointer.restore(state, other)


@pytest.mark.parametrize("change", ["shape", "leaf", "capacity", "lanes"])
def test_a_template_that_differs_is_named(tmp_path, change):
    with Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 10)
        state, replay = example.templates()
        if change == "shape":
            state.params["critic"]["kernel"] = jax.ShapeDtypeStruct((2, 4, 9), "float32")
        elif change == "leaf":
            state.params["actor"] = jax.ShapeDtypeStruct((1,), "float32")
        elif change == "capacity":
            replay = example.templates(example.ROWS + 1)[1]
        else:
            replay = dataclasses.replace(replay, cursor=jax.ShapeDtypeStruct((2, 3, 3), "int32"))
        reason = {"shape": "params/critic/kernel.*float32.2, 4, 8.*float32.2, 4, 9", "leaf": "params/actor.*missing"}
        reason |= {"capacity": "150 rows a lane, this program's has 151", "lanes": "replay/cursor"}
        with pytest.raises(CheckpointError, match=reason[change]):
            checkpointer.restore(state, replay)


def test_a_second_process_is_refused(tmp_path):
    code = "import sys; from cmta_jax.checkpoint import Checkpointer; Checkpointer(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with Checkpointer(tmp_path):
        second = subprocess.run(command, capture_output=True, text=True, env=example.ENVIRONMENT)
    assert second.returncode == 1 and "CheckpointError: Another process is running in" in second.stderr


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written to .*file"):
        Checkpointer(tmp_path / "file")


def test_reading_only_neither_locks_nor_cleans_nor_saves(tmp_path):
    (tmp_path / "replay-000009.safetensors").write_text("being written")
    with (
        Checkpointer(tmp_path, read_only=True) as checkpointer,
        pytest.raises(CheckpointError, match="reading only"),
    ):
        checkpointer.save(example.at(3))
    assert [path.name for path in tmp_path.iterdir()] == ["replay-000009.safetensors"]


def test_a_policy_comes_back_with_its_story(tmp_path):
    params = jax.device_get(example.state(3).params)
    save_policy(tmp_path / "policy.safetensors", params, {"method": "cmta", "tasks": ("a", "b")})
    found, metadata = load_policy(tmp_path / "policy.safetensors")
    assert metadata["tasks"] == ["a", "b"] and "jax" in metadata["versions"]
    assert jax.tree.structure(found) == jax.tree.structure(params)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(params), strict=True):
        assert one.dtype == other.dtype and one.tobytes() == np.asarray(other).tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["policy.safetensors"]


def test_a_policy_for_another_network_is_refused(tmp_path):
    save_policy(tmp_path / "policy", {"kernel": np.zeros((3, 2), np.float32)}, {})
    load_policy(tmp_path / "policy", {"kernel": jax.ShapeDtypeStruct((3, 2), "float32")})
    with pytest.raises(CheckpointError, match="'kernel' is float32.3, 2. in the checkpoint but float32.3, 4. in this"):
        load_policy(tmp_path / "policy", {"kernel": jax.ShapeDtypeStruct((3, 4), "float32")})
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_policy(tmp_path / "other")


def test_the_files_are_safetensors_by_the_letter(tmp_path):
    save_policy(tmp_path / "policy", {"a": {"b": np.arange(3, dtype=np.int32)}, "c": np.float32(2)}, {})
    content = (tmp_path / "policy").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__").keys() == {"cmta_jax"} and length % 8 == 0
    assert header == {
        "a/b": {"dtype": "I32", "shape": [3], "data_offsets": [0, 12]},
        "c": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
    }
    assert content[8 + length :] == np.arange(3, dtype="<i4").tobytes() + np.float32(2).tobytes()


def test_saving_says_nothing_when_all_is_well(tmp_path, caplog):
    with caplog.at_level(logging.WARNING), Checkpointer(tmp_path) as checkpointer:
        save_at(checkpointer, 10, 20)
        checkpointer.restore(*example.templates())
    assert caplog.records == []
