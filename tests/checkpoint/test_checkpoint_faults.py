"""Whatever happens while a checkpoint is written or kept, the last good one is found, and training goes on."""

import errno
import logging
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc

import checkpoint_example as example
import pytest

from cmta_jax.checkpoint import Checkpointer, CheckpointError, arrays, folder, snapshot
from cmta_jax.storage import atomic

STEPS = (100, 130, 160)


def run_to(directory: pathlib.Path, steps=STEPS, keep: int = 3) -> None:
    with Checkpointer(directory, keep=keep) as checkpointer:
        found = checkpointer.restore(*example.templates())
        replay, begin = (found.replay, found.step) if found else (example.empty(), 0)
        for step in steps:
            replay, begin = example.play(replay, begin, step), step
            assert checkpointer.save(example.checkpoint(step, replay), wait=True)


@pytest.fixture(scope="module")
def three_saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        example.small_blocks(patch)
        run_to(directory)
    return directory


@pytest.fixture
def saved(three_saved, tmp_path):
    return shutil.copytree(three_saved, tmp_path / "run")


def restored(directory: pathlib.Path):
    with Checkpointer(directory) as checkpointer:
        return checkpointer.restore(*example.templates())


def assert_tidy(directory: pathlib.Path) -> None:
    """The folder holds what its checkpoints need, and nothing else."""
    manifests = folder.readable(directory)
    needed = {"lock"} | {f"step-{step:09d}.json" for step in manifests}
    assert {path.name for path in directory.iterdir()} == needed.union(*(one.file_names for one in manifests.values()))


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def delete(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


PARTS = ["step-000000160.json", "rest-000003.safetensors", "replay-000003.safetensors", "state-000003/manifest.ocdbt"]
DAMAGES = [(part, damage) for part in PARTS for damage in (truncate, flip, delete)]
DAMAGES.remove((PARTS[0], delete))  # a checkpoint without a manifest is none


@pytest.mark.parametrize(("part", "damage"), [*DAMAGES, ("state-000003", delete)])
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_is_taken(saved, part, damage, caplog):
    damage(saved / part)
    with caplog.at_level(logging.WARNING, "cmta_jax"):
        example.assert_same(restored(saved), example.at(130))
    (warning,) = (record.getMessage() for record in caplog.records if record.name.startswith("cmta_jax"))
    assert warning.startswith("the checkpoint of step 160 in ") and warning.endswith("falling back to the one before")
    run_to(saved, (160, 190))
    example.assert_same(restored(saved), example.at(190))
    assert_tidy(saved)


def test_every_bit_of_a_checkpoint_is_checked(saved):
    """Flips one bit in every file, at a place that depends on the file: none is believed."""
    newest = folder.readable(saved)[160]
    for place, name in enumerate(sorted([path.name for path in newest.state] + [newest.rest.name] + PARTS[:1])):
        content = (saved / name).read_bytes()
        changed = bytearray(content)
        changed[(place * 7919) % len(content)] ^= 1 << place % 8
        (saved / name).write_bytes(changed)
        assert restored(saved).step == 130, name
        (saved / name).write_bytes(content)
    assert restored(saved).step == 160


def test_a_manifest_in_which_a_word_was_changed_is_not_believed(saved):
    path = saved / "step-000000160.json"
    page = path.read_text()
    assert page.count('"method": "cmta"') == 1
    path.write_text(page.replace('"method": "cmta"', '"method": "care"'))
    assert restored(saved).step == 130


def test_a_manifest_under_the_name_of_another_step_is_not_believed(saved):
    (saved / "step-000000160.json").rename(saved / "step-000000170.json")
    assert restored(saved).step == 130


@pytest.mark.parametrize("name", [".DS_Store", ".nfs00000001", "Thumbs.db", "@eaDir/x", "d/._copy"])
def test_files_of_file_managers_and_servers_do_not_spoil_a_checkpoint(saved, name):
    place = saved / "state-000003" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text("not ours")
    example.assert_same(restored(saved), example.at(160))


def test_any_other_file_beside_the_learner_is_named(saved, caplog):
    (saved / "state-000003" / "_sharding").write_text("{}")
    with caplog.at_level(logging.WARNING, "cmta_jax"):
        assert restored(saved).step == 130
    assert "state-000003/_sharding was not written with it: delete that file; falling back" in caplog.text


@pytest.mark.parametrize("lost", ["the folder", "replay-000001.safetensors"])
def test_what_is_deleted_during_a_run_is_saved_anew(saved, lost):
    """A save that builds on files of earlier ones would be complete by its manifest only."""
    with Checkpointer(saved, keep=1) as checkpointer:
        replay = example.play(checkpointer.restore(*example.templates()).replay, 160, 190)
        delete(saved if lost == "the folder" else saved / lost)
        assert checkpointer.save(example.checkpoint(190, replay), wait=True)
    example.assert_same(restored(saved), example.at(190))


def test_a_folder_in_the_place_of_a_manifest_does_not_keep_old_checkpoints(saved):
    (saved / "step-000000150.json").mkdir()
    with Checkpointer(saved, keep=1) as checkpointer:
        replay = example.play(checkpointer.restore(*example.templates()).replay, 160, 190)
        assert checkpointer.save(example.checkpoint(190, replay), wait=True)
        assert folder.steps(saved) == [190]


def test_a_file_that_all_need_takes_all_with_it_and_nothing_is_deleted(saved):
    truncate(saved / "replay-000001.safetensors")
    before = sorted(path.name for path in saved.rglob("*"))
    with pytest.raises(CheckpointError, match="step 100 .* replay-000001.safetensors has .* bytes instead of"):
        restored(saved)
    assert sorted(path.name for path in saved.rglob("*")) == before


def test_leftovers_are_cleaned_at_the_next_open(saved):
    (saved / "state-000004.orbax-checkpoint-tmp").mkdir()
    (saved / "replay-000004.safetensors").write_bytes(b"cut off")
    (saved / "step-000000190.json.tmp").write_bytes(b"{")
    Checkpointer(saved).close()
    assert_tidy(saved)


def test_nothing_is_cleaned_while_a_manifest_cannot_be_read(saved):
    flip(saved / "step-000000160.json")
    Checkpointer(saved).close()
    assert (saved / "rest-000003.safetensors").exists()


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("place", ["replay", "rest", "state", "manifest", "folder"])
def test_a_full_disk_costs_one_checkpoint_and_nothing_else(saved, place, monkeypatch, caplog):
    with Checkpointer(saved) as checkpointer:
        replay = example.play(checkpointer.restore(*example.templates()).replay, 160, 190)
        with monkeypatch.context() as patch:
            if place in ("replay", "rest"):
                whole = arrays.write

                def write(path, *rest):
                    return whole(path, *rest) if not path.name.startswith(place) else _half(path)

                patch.setattr(arrays, "write", write)
            elif place == "state":
                patch.setattr("orbax.checkpoint.Checkpointer.save", full_disk)
            elif place == "manifest":
                patch.setattr(os, "replace", full_disk)
            else:
                patch.setattr(atomic, "sync_folder", full_disk)
            assert not checkpointer.save(example.checkpoint(190, replay), wait=True)
        assert "the checkpoint of step 190 could not be saved" in caplog.text and "No space left" in caplog.text
        assert checkpointer.steps() == [*STEPS]
        assert_tidy(saved)
        replay = example.play(replay, 190, 220)
        assert checkpointer.save(example.checkpoint(220, replay), wait=True)
        assert checkpointer.steps() == [130, 160, 220]
    example.assert_same(restored(saved), example.at(220))


def test_a_save_for_which_memory_is_short_is_left_out_like_one_on_a_full_disk(tmp_path, monkeypatch, caplog):
    def short(*_):
        raise MemoryError

    with Checkpointer(tmp_path) as checkpointer:
        replay = example.play(example.empty(), 0, 10)
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "write", short)
            assert not checkpointer.save(example.checkpoint(10, replay), wait=True)
        assert "the checkpoint of step 10 could not be saved (memory ran out)" in caplog.text
        assert checkpointer.save(example.checkpoint(10, replay), wait=True)


def test_reading_a_manifest_takes_the_memory_of_a_page(saved):
    """A limit on memory (ulimit -v, a small container) must not end a run because of its bookkeeping."""
    tracemalloc.start()
    try:
        assert [*folder.readable(saved)] == [*STEPS]
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_checkpoint_is_complete_only_when_it_reads_back(saved, monkeypatch, caplog):
    """Orbax reports no error and loses the arrays; or a disk reports no error and keeps half of a file."""

    def lose(self, path, *_, **__):
        path.mkdir()
        (path / "manifest.ocdbt").write_text("nothing")

    whole = arrays.write

    def cut(path, *rest):
        file = whole(path, *rest)
        truncate(path)
        return file

    with Checkpointer(saved) as checkpointer:
        replay = example.play(checkpointer.restore(*example.templates()).replay, 160, 190)
        for name, fault in (("orbax.checkpoint.Checkpointer.save", lose), ("cmta_jax.checkpoint.arrays.write", cut)):
            caplog.clear()
            with monkeypatch.context() as patch:
                patch.setattr(name, fault)
                assert not checkpointer.save(example.checkpoint(190, replay), wait=True)
            assert "the checkpoint of step 190 could not be saved" in caplog.text
            assert checkpointer.steps() == [*STEPS]
        assert checkpointer.save(example.checkpoint(190, replay), wait=True)
    example.assert_same(restored(saved), example.at(190))


def _half(path):
    path.write_bytes(b"half")
    full_disk()


FULL_DISK = """
import resource, sys
import checkpoint_example as example
import numpy as np
from cmta_jax.checkpoint import Checkpointer

state = {"large": np.random.default_rng(0).random(100_000)}
with Checkpointer(sys.argv[1]) as checkpointer:
    replay, results = example.empty(), []
    for step, limit in [(10, -1), (20, 10_000), (30, 200_000), (40, -1)]:
        replay = example.play(replay, step - 10, step)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
        results.append(checkpointer.save(example.checkpoint(step, replay)._replace(state=state), wait=True))
    print(results, checkpointer.steps())
    found = checkpointer.restore(state, example.templates()[1])
    example.assert_same(found, example.at(40)._replace(state=state))
"""


def test_files_that_really_cannot_grow_cost_no_earlier_checkpoint(tmp_path):
    """A limit on the size of files stops the writers, orbax's among them, in the kernel as a full disk does."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=example.ENVIRONMENT)
    assert done.stdout == "[True, False, False, True] [10, 40]\n" and done.returncode == 0, done.stderr
    assert "step 20 could not be saved ([Errno 27] File too large)" in done.stderr
    assert "step 30 could not be saved (orbax could not write state-" in done.stderr
    assert_tidy(tmp_path)


class Killed(BaseException):
    pass


def crash_while_saving(directory: pathlib.Path, call: int, monkeypatch) -> bool:
    """Stops the saving of step 190 for good at the `call`-th change of the disk; false if it has fewer."""
    calls = 0

    def mortal(change):
        def changed(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls >= call:  # dead processes do nothing afterwards either
                raise Killed
            return change(*args, **kwargs)

        return changed

    checkpointer = Checkpointer(directory, keep=1)
    replay = example.play(checkpointer.restore(*example.templates()).replay, 160, 190)
    with monkeypatch.context() as patch:
        for name in ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir"):
            patch.setattr(os, name, mortal(getattr(os, name)))
        try:
            checkpointer.save(example.checkpoint(190, replay), wait=True)
        except BaseException:
            pass
    try:
        checkpointer.close()
    except BaseException:
        pass
    return calls >= call


def check_crash(directory, call, monkeypatch) -> bool:
    crashed = crash_while_saving(directory, call, monkeypatch)
    found = restored(directory)
    assert found.step in (160, 190) if crashed else found.step == 190
    example.assert_same(found, example.at(found.step))
    assert_tidy(directory)
    return crashed


@pytest.mark.parametrize("call", [1, 3, 9, 17, 20, 24, 30])
def test_a_crash_at_any_change_of_the_disk_leaves_a_good_checkpoint(saved, call, monkeypatch):
    check_crash(saved, call, monkeypatch)


@pytest.mark.slow
def test_a_crash_at_every_change_of_the_disk_leaves_a_good_checkpoint(three_saved, tmp_path, monkeypatch):
    call = 1
    while check_crash(shutil.copytree(three_saved, tmp_path / str(call)), call, monkeypatch):
        call += 1
    assert call > 30


def kill_while_saving(directory: pathlib.Path, saves: int, delay: float) -> int:
    """Starts or resumes a run in another process, kills it, and returns the last step whose saving had begun."""
    command = [sys.executable, example.__file__, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=example.ENVIRONMENT) as process:
        lines = [process.stdout.readline() for _ in range(saves)]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return int(next(line for line in reversed(lines) if line.endswith("\n")))


def check_kills(directory: pathlib.Path, count: int) -> None:
    chance = random.Random(count)
    for _ in range(count):
        begun = kill_while_saving(directory, chance.randint(2, 12), chance.uniform(0, 0.3))
        found = restored(directory)
        assert found.step in (begun - 9, begun, begun + 9)  # the one before was complete, the next may have begun
        example.assert_same(found, example.at(found.step))
        assert_tidy(directory)


def test_a_run_killed_while_it_saves_resumes_from_a_good_checkpoint(tmp_path):
    check_kills(tmp_path / "run", 2)


@pytest.mark.slow
def test_a_run_killed_many_times_while_it_saves_resumes_every_time(tmp_path):
    check_kills(tmp_path / "run", 25)
