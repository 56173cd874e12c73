import errno
import logging
import os
import stat
import subprocess
import sys
import types

import pytest

from cmta_jax.storage import atomic
from cmta_jax.storage.lock import FolderLock
from cmta_jax.storage.run_folder import FLAGS, RunFolder, read_flags

ASKED = {"method": "cmta", "seed": "3", "steps_per_task": "100"}


def test_a_new_folder_holds_the_flags_that_made_it(tmp_path):
    with RunFolder(tmp_path / "deep" / "run", ASKED) as folder:
        assert read_flags(folder.path) == ASKED
        assert folder.file("eval.csv") == tmp_path / "deep" / "run" / "eval.csv"


@pytest.mark.parametrize("trace", [FLAGS, "eval.csv", "checkpoints"])
def test_a_used_folder_is_refused_and_left_as_it_was(tmp_path, trace):
    (tmp_path / trace).write_text("old")
    with pytest.raises(ValueError, match="holds a run: give --resume to go on with it, or another --workdir"):
        RunFolder(tmp_path, ASKED)
    assert (tmp_path / trace).read_text() == "old"


def test_files_of_others_do_not_make_a_folder_used(tmp_path):
    (tmp_path / "slurm-1.out").write_text("queued")
    RunFolder(tmp_path, ASKED).close()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_resuming_where_no_run_is_makes_nothing(tmp_path, make):
    make(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="--resume finds no run in .*: leave it out to start one, or check --workdir"):
        RunFolder(tmp_path / "run", ASKED, resume=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_without_its_flags_is_told_from_no_run(tmp_path):
    (tmp_path / "eval.csv").write_text("step")
    with pytest.raises(ValueError, match="holds a run without its flags.flags: put it back"):
        RunFolder(tmp_path, ASKED, resume=True)


def test_a_resumed_run_may_be_longer_but_not_another(tmp_path):
    RunFolder(tmp_path, ASKED).close()
    with RunFolder(tmp_path, ASKED | {"steps_per_task": "200"}, resume=True):
        assert read_flags(tmp_path)["steps_per_task"] == "200"
    with pytest.raises(ValueError, match="was started with --seed=3, now it is 4: leave that flag as it was"):
        RunFolder(tmp_path, ASKED | {"seed": "4"}, resume=True)
    assert read_flags(tmp_path)["seed"] == "3"


def test_a_value_written_otherwise_is_the_same_value(tmp_path):
    """As after an edit by hand of flags.flags."""
    (tmp_path / FLAGS).write_text("--rate=3e-4\n--seed=3.0\n--norm=True\n")
    RunFolder(tmp_path, {"rate": "0.0003", "seed": "3", "norm": "true"}, resume=True).close()
    with pytest.raises(ValueError, match="was started with --norm=true, now it is 1"):
        RunFolder(tmp_path, {"norm": "1"}, resume=True)


def test_a_flag_that_is_newer_than_the_run_does_not_stop_it(tmp_path):
    RunFolder(tmp_path, ASKED).close()
    RunFolder(tmp_path, ASKED | {"invented_later": "1"}, resume=True).close()


def test_two_processes_cannot_have_one_folder(tmp_path):
    hold = "from cmta_jax.storage.run_folder import RunFolder\n"
    hold += f"folder = RunFolder({str(tmp_path)!r}, {{}}); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        for resume in False, True:
            with pytest.raises(ValueError, match="Another process is running in"):
                RunFolder(tmp_path, {}, resume)
        other.kill()
    RunFolder(tmp_path, {}, resume=True).close()  # the lock ended with the process


def test_a_look_at_a_folder_does_not_keep_its_run_from_starting(tmp_path, monkeypatch):
    """Looking whether a folder is in use takes the lock for a moment."""
    look = FolderLock(tmp_path)
    monkeypatch.setattr("cmta_jax.storage.lock.time", types.SimpleNamespace(sleep=lambda seconds: look.close()))
    FolderLock(tmp_path).close()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ValueError, match="--workdir=.*run cannot be written to .*: give another"):
        RunFolder(tmp_path / "run", ASKED)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc, where nobody can make a file, not even root")
@pytest.mark.parametrize("place", ["/proc/run", "/proc/self/run"])
def test_a_place_where_nobody_may_write_is_refused(place):
    with pytest.raises(ValueError, match=f"--workdir={place} cannot be written to .*: give another"):
        RunFolder(place, ASKED)


def test_a_file_system_that_cannot_sync_folders_is_no_obstacle(tmp_path, monkeypatch, caplog):
    """As on CIFS, where fsync of a folder gives EINVAL; files can be synced."""
    sync = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with caplog.at_level(logging.DEBUG, "cmta_jax"), RunFolder(tmp_path, ASKED):
        assert read_flags(tmp_path) == ASKED
    assert "cannot sync a folder (Invalid argument)" in caplog.text


def test_a_start_that_fails_leaves_a_folder_for_the_next(tmp_path, monkeypatch):
    """Here the name was already in the folder when its sync failed."""

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "sync_folder", broken)
        with pytest.raises(ValueError, match="flags.flags cannot be written .Input/output error"):
            RunFolder(tmp_path, ASKED)
    RunFolder(tmp_path, ASKED).close()


def test_a_run_without_results_frees_its_folder_and_one_with_results_keeps_it(tmp_path):
    for name, resume in (("new", False), ("old", True)):
        RunFolder(tmp_path / name, ASKED).close()
        if not resume:
            (tmp_path / name / FLAGS).unlink()
        (tmp_path / name / "checkpoints").mkdir()  # made before the first checkpoint
        with RunFolder(tmp_path / name, ASKED, resume) as folder:
            folder.free_if_unused()
    assert not (tmp_path / "new" / FLAGS).exists() and read_flags(tmp_path / "old") == ASKED
    with RunFolder(tmp_path / "new", ASKED) as folder:
        folder.file("eval.csv").write_text("step")
        folder.free_if_unused()
    assert read_flags(tmp_path / "new") == ASKED


def test_a_folder_that_became_read_only_is_refused_when_it_is_resumed(tmp_path, monkeypatch):
    def read_only(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    RunFolder(tmp_path, ASKED).close()
    monkeypatch.setattr(atomic, "replace", read_only)
    with pytest.raises(ValueError, match="flags.flags cannot be written .Read-only file system"):
        RunFolder(tmp_path, ASKED, resume=True)


def test_a_refusal_lists_what_may_change(tmp_path):
    RunFolder(tmp_path, ASKED).close()
    with pytest.raises(ValueError, match="What may change: steps_per_task, .*max_critic_loss, env_workers, simulator"):
        RunFolder(tmp_path, ASKED | {"seed": "4"}, resume=True)


def test_a_byte_order_mark_in_front_of_the_flags_is_ignored(tmp_path):
    RunFolder(tmp_path, ASKED).close()
    (tmp_path / FLAGS).write_bytes(b"\xef\xbb\xbf" + (tmp_path / FLAGS).read_bytes())
    assert read_flags(tmp_path) == ASKED
    RunFolder(tmp_path, ASKED, resume=True).close()


def test_a_file_of_flags_that_is_too_large_is_not_read(tmp_path):
    RunFolder(tmp_path, ASKED).close()
    os.truncate(tmp_path / FLAGS, 1 << 40)
    with pytest.raises(ValueError, match="flags.flags is larger than 1 MiB"):
        RunFolder(tmp_path, ASKED, resume=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="cannot be written to .*: give another"):
        RunFolder(tmp_path, ASKED)


def test_the_log_gets_what_the_project_says_and_everybodys_warnings(tmp_path):
    with RunFolder(tmp_path, ASKED):
        logging.getLogger("cmta_jax.part").info("begun")
        logging.getLogger("other").info("chatter")
        logging.getLogger("other").warning("alarm")
    logging.getLogger("cmta_jax.part").warning("too late")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == ["INFO cmta_jax.part: begun", "WARNING other: alarm"]
