"""TensorBoard event files, one folder per seed."""

import pathlib
import platform
import struct
import time
from collections.abc import Sequence

import numpy as np
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.record_writer import masked_crc32c

from cmta_jax.storage.append_file import AppendFile
from cmta_jax.tracking import metric_names
from cmta_jax.tracking.listeners import Listener


class TensorBoardWriter(Listener):
    """Writes `success/...`, `episode_return/...` and the learner's metrics for TensorBoard.

    The files are written here rather than by tensorboardX's SummaryWriter, whose thread dies on a full disk and then
    blocks the run.

    Args:
        folder: gets one folder `seed_<number>` per seed.
        seeds: their numbers, [S].
        tasks: their names, [N].
        start: step at which the run (re)starts; TensorBoard hides later steps of earlier files.
    """

    def __init__(self, folder: str | pathlib.Path, seeds: Sequence[int], tasks: Sequence[str], start: int = 0):
        self.tasks = tuple(tasks)
        self._files = [_open(pathlib.Path(folder) / f"seed_{seed}") for seed in seeds]
        for file in self._files:
            _add(file, Event(wall_time=time.time(), file_version="brain.Event:2"))
            if start:
                restart = SessionLog(status=SessionLog.START)
                _add(file, Event(wall_time=time.time(), step=start + 1, session_log=restart))

    def metrics(self, step, values):
        self._scalars(step, metric_names.grouped(values))

    def evaluation(self, step, success, episode_return):
        self._scalars(step, {"success": success, "episode_return": episode_return})
        self.sync()

    def sync(self):
        for file in self._files:
            file.sync()

    def close(self):
        for file in self._files:
            file.close()

    def _scalars(self, step: int, values: dict[str, np.ndarray]) -> None:
        for seed, file in enumerate(self._files):
            scalars = metric_names.scalars(values, seed, self.tasks)
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=x) for tag, x in scalars.items()])
            _add(file, Event(wall_time=time.time(), step=step, summary=summary))


def _open(folder: pathlib.Path) -> AppendFile:
    folder.mkdir(parents=True, exist_ok=True)
    return AppendFile(folder / f"events.out.tfevents.{time.time_ns()}.{platform.node()}")


def _add(file: AppendFile, event: Event) -> None:
    """Appends one record: length, its checksum, data, its checksum."""
    data = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    file.append(length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data)))
