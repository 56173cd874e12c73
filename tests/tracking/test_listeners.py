import errno
import logging
import os
import socket
import struct

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from cmta_jax.storage import append_file
from cmta_jax.storage.append_file import AppendFile
from cmta_jax.tracking.csv_files import CsvWriter
from cmta_jax.tracking.listeners import Listener, Several
from cmta_jax.tracking.tensorboard import TensorBoardWriter

SEEDS, TASKS = (4, 5), ("reach-v3", "push-v3")
SUCCESS = np.array([[0.0, 0.5], [1.0, 0.25]])
RETURNS = np.array([[1.5, 2.0], [1e6, 1 / 3]])


@pytest.fixture
def full_disk(monkeypatch):
    """A switch: while `disk["full"]`, writes take half of the bytes and then fail; or only syncs fail."""
    disk = {"full": False, "sync": False}
    write, sync = os.pwrite, os.fsync

    def half_write(file, data, offset):
        if not disk["full"]:
            return write(file, data, offset)
        disk["full"] = "now"
        if len(data) == 1 or disk.pop("half", None):
            raise OSError(errno.ENOSPC, "No space left on device")
        disk["half"] = True
        return write(file, data[: len(data) // 2], offset)

    def broken_sync(file):
        if disk["sync"]:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        sync(file)

    monkeypatch.setattr(append_file.os, "pwrite", half_write)
    monkeypatch.setattr(append_file.os, "fsync", broken_sync)
    return disk


def lines_of(path):
    return path.read_text().splitlines()


def test_an_evaluation_is_a_row_for_each_seed_and_task(tmp_path):
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    assert lines_of(tmp_path / "eval.csv") == ["step,seed,task,success,episode_return"]
    writer.evaluation(3000, SUCCESS, RETURNS)
    assert lines_of(tmp_path / "eval.csv")[1:] == [
        "3000,4,reach-v3,0,1.5", "3000,4,push-v3,0.5,2", "3000,5,reach-v3,1,1e+06", "3000,5,push-v3,0.25,0.333333",
    ]  # fmt: skip
    writer.close()


def test_a_metric_of_each_task_has_a_mean_and_a_column_per_task(tmp_path):
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    writer.metrics(1000, {"loss": np.float32([1, 2]), "temperature": np.float32([[1, 2], [3, 5]])})
    writer.close()
    assert lines_of(tmp_path / "train.csv") == [
        "step,seed,loss,temperature,temperature/reach-v3,temperature/push-v3",
        "1000,4,1,1.5,1,2",
        "1000,5,2,4,3,5",
    ]


def test_a_resumed_run_has_each_row_once(tmp_path):
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    for step in 10, 20, 30:
        writer.evaluation(step, SUCCESS, RETURNS)
        writer.metrics(step, {"loss": np.ones(2)})
    writer.close()
    whole = {name: (tmp_path / name).read_bytes() for name in ("eval.csv", "train.csv")}
    with open(tmp_path / "eval.csv", "a") as file:
        file.write("20,4,rea")  # a kill in the middle of a row
    writer = CsvWriter(tmp_path, SEEDS, TASKS, start=20)
    assert len(lines_of(tmp_path / "eval.csv")) == 1 + 2 * 4
    writer.evaluation(30, SUCCESS, RETURNS)
    writer.metrics(30, {"loss": np.ones(2)})
    writer.close()
    assert {name: (tmp_path / name).read_bytes() for name in whole} == whole


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text + "\n\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n10,", "\n10.0,"),
        lambda text: text + "\0\0\0\n",
    ],
    ids=["byte order mark", "blank last lines", "line ends of Windows", "300.0", "zero bytes after a crash"],
)
def test_a_resume_repairs_what_editors_and_crashes_did_to_the_tables(tmp_path, change):
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    writer.evaluation(10, SUCCESS, RETURNS)
    writer.metrics(10, {"loss": np.ones(2)})
    writer.close()
    whole = {name: (tmp_path / name).read_bytes() for name in ("eval.csv", "train.csv")}
    for name in whole:
        (tmp_path / name).write_text(change((tmp_path / name).read_text()), newline="")
    CsvWriter(tmp_path, SEEDS, TASKS, start=10).close()
    assert {name: (tmp_path / name).read_bytes() for name in whole} == whole


@pytest.mark.parametrize(("start", "kept"), [(300, True), (299, False)])
def test_a_last_row_without_its_lines_end_is_whole_up_to_the_checkpoint(tmp_path, start, kept):
    """An editor took the line's end; later than the checkpoint, a kill may have cut the row."""
    row = b"300,4,reach-v3,1,12.5"
    (tmp_path / "eval.csv").write_bytes(b"step,seed,task,success,episode_return\n" + row)
    CsvWriter(tmp_path, SEEDS, TASKS, start).close()
    assert (row + b"\n" in (tmp_path / "eval.csv").read_bytes()) == kept


@pytest.mark.parametrize("header", ["", "step,se", "step,seed,lo"])
def test_a_header_that_a_kill_cut_short_is_written_again(tmp_path, header):
    (tmp_path / "train.csv").write_text(header)
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    writer.metrics(10, {"loss": np.ones(2)})
    writer.close()
    assert lines_of(tmp_path / "train.csv") == ["step,seed,loss", "10,4,1", "10,5,1"]


@pytest.mark.parametrize("name", ["eval.csv", "train.csv"])
def test_a_resume_refuses_a_table_with_other_separators_and_leaves_it(tmp_path, name):
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    writer.metrics(10, {"loss": np.ones(2)})
    writer.close()
    changed = (tmp_path / name).read_text().replace(",", ";")
    (tmp_path / name).write_text(changed)
    with pytest.raises(ValueError, match=f"{name} begins with 'step;seed;.*' instead of 'step,seed"):
        CsvWriter(tmp_path, SEEDS, TASKS, start=10)
    assert (tmp_path / name).read_text() == changed


def test_a_run_resumed_at_its_start_has_an_empty_table_with_its_header(tmp_path):
    CsvWriter(tmp_path, SEEDS, TASKS).evaluation(10, SUCCESS, RETURNS)
    CsvWriter(tmp_path, SEEDS, TASKS, start=0).close()
    assert lines_of(tmp_path / "eval.csv") == ["step,seed,task,success,episode_return"]


def test_a_metric_that_was_not_there_at_first_is_left_out_with_one_warning(tmp_path, caplog):
    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    writer.metrics(1, {"loss": np.ones(2)})
    writer.metrics(2, {"loss": np.ones(2), "gain": np.ones(2)})
    writer.close()
    assert lines_of(tmp_path / "train.csv")[-2:] == ["2,4,1", "2,5,1"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/train.csv has no column 'gain': it is left out."
    ]


@pytest.mark.parametrize("fault", ["full", "sync"])
def test_a_full_disk_loses_no_row(tmp_path, full_disk, fault, caplog):
    expected = CsvWriter(tmp_path, SEEDS, TASKS)
    for step in 1, 2, 3, 4:
        expected.evaluation(step, SUCCESS, RETURNS)
    expected.close()
    whole = (tmp_path / "eval.csv").read_bytes()
    (tmp_path / "eval.csv").unlink()

    writer = CsvWriter(tmp_path, SEEDS, TASKS)
    writer.evaluation(1, SUCCESS, RETURNS)
    full_disk[fault] = True
    writer.evaluation(2, SUCCESS, RETURNS)
    writer.evaluation(3, SUCCESS, RETURNS)
    full_disk[fault] = False
    writer.evaluation(4, SUCCESS, RETURNS)
    writer.close()
    assert (tmp_path / "eval.csv").read_bytes() == whole
    said = [record.getMessage() for record in caplog.records if "eval.csv" in record.getMessage()]
    assert len(said) == 2 and "cannot be written" in said[0] and "is written again, nothing is missing" in said[1]


def test_a_disk_that_stays_full_is_an_error_in_the_log_not_in_the_run(tmp_path, full_disk, caplog):
    file = AppendFile(tmp_path / "file")
    full_disk["full"] = True
    file.append(b"lost")
    file.close()
    assert caplog.records[-1].levelno == logging.ERROR
    assert "The last 4 bytes" in caplog.records[-1].getMessage()


def read_events(folder):
    """The events of all files in a folder, in order of the files."""
    events = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            events.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return events


def scalars(folder):
    return {(event.step, v.tag): v.simple_value for event in read_events(folder) for v in event.summary.value}


def test_tensorboard_has_a_folder_for_each_seed_and_tags_in_groups(tmp_path):
    writer = TensorBoardWriter(tmp_path, SEEDS, TASKS)
    writer.evaluation(3000, SUCCESS, RETURNS)
    writer.metrics(3000, {"critic_loss": np.array([1.0, 2.0]), "temperature": np.array([[1.0, 2.0], [3.0, 5.0]])})
    writer.close()
    found = scalars(tmp_path / "seed_5")
    assert found[3000, "success/reach-v3"] == 1 and found[3000, "success/mean"] == 0.625
    assert found[3000, "loss/critic_loss"] == 2
    assert found[3000, "learner/temperature/mean"] == 4 and found[3000, "learner/temperature/push-v3"] == 5
    assert scalars(tmp_path / "seed_4")[3000, "success/push-v3"] == 0.5


def test_tensorboards_files_are_what_tensorboards_own_checksums_expect(tmp_path):
    record_writer = pytest.importorskip("tensorboardX.record_writer")
    writer = TensorBoardWriter(tmp_path, (0,), TASKS)
    writer.close()
    (path,) = (tmp_path / "seed_0").iterdir()
    ours = path.read_bytes()
    theirs = record_writer.RecordWriter(str(tmp_path / "theirs"))
    theirs.write(ours[12:-4])
    theirs.close()
    assert ours == (tmp_path / "theirs").read_bytes()


def test_a_resumed_run_hides_what_came_after_its_checkpoint(tmp_path):
    TensorBoardWriter(tmp_path, (0,), TASKS, start=500).close()
    first, second = read_events(tmp_path / "seed_0")
    assert first.file_version == "brain.Event:2"
    assert (second.step, second.session_log.status) == (501, 1)


def test_tensorboard_needs_no_name_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: os.stat("/nowhere"))  # raises OSError, as in some sandboxes
    TensorBoardWriter(tmp_path, [0], ["reach-v3"]).close()
    assert len([*tmp_path.glob("seed_0/events.out.tfevents.*")]) == 1


def test_several_listeners_hear_the_same():
    heard = []

    class Ear(Listener):
        def metrics(self, step, values):
            heard.append(("metrics", step))

        def evaluation(self, step, success, episode_return):
            heard.append(("evaluation", step))

        def close(self):
            heard.append("close")

    several = Several(Ear(), Listener(), Ear())
    several.metrics(1, {})
    several.evaluation(2, SUCCESS, RETURNS)
    several.sync()
    several.close()
    assert heard == [("metrics", 1)] * 2 + [("evaluation", 2)] * 2 + ["close"] * 2
