"""The folder of a run: who may write to it, which flags it was made with, its log."""

import contextlib
import logging
import pathlib
from collections.abc import Collection, Iterable, Mapping

from cmta_jax.storage import atomic, flags_file
from cmta_jax.storage.append_file import AppendFile
from cmta_jax.storage.flag_rules import ADDED, MAY_CHANGE
from cmta_jax.storage.lock import FolderLock

FLAGS = "flags.flags"
RESULTS = ("eval.csv", "train.csv", "final.csv", "checkpoints")
TRACES = (FLAGS, *RESULTS)  # with any of these the folder holds a run


class RunFolder:
    """A folder that belongs to this process until `close`.

    Args:
        path: made if missing.
        flags: the resolved flags, name -> value, as they are to be written.
        resume: go on with the run that is there, rather than start one.

    Raises:
        ValueError: the folder is used (or, with `resume`, holds no run, or one with other flags), another process
            is running in it, or it cannot be written to; in one sentence with the remedy.
    """

    def __init__(self, path: str | pathlib.Path, flags: dict[str, str], resume: bool = False):
        self.path = pathlib.Path(path)
        if resume:
            self._check_resumable(flags)
        self._lock = self._claim()
        try:
            self._began_here = not resume
            if not resume and _has_any(self.path, TRACES):
                raise ValueError(f"{self.path} holds a run: give --resume to go on with it, or another --workdir.")
            try:
                self._write_flags(flags)
                self._log = _log_to(self.path / "run.log")
            except BaseException:
                self.free_if_unused()
                raise
        except BaseException:
            self._lock.close()
            raise

    def file(self, name: str) -> pathlib.Path:
        """Path of a file in the folder."""
        return self.path / name

    def has_results(self) -> bool:
        """Whether the run wrote a table or a checkpoint, so that it can go on with `--resume`."""
        return _has_any(self.path, RESULTS)

    def free_if_unused(self) -> None:
        """Lets the next run start here if this one began here and failed before it had any results."""
        if self._began_here and not self.has_results():
            for name in (FLAGS, f"{FLAGS}.tmp"):
                with contextlib.suppress(OSError):
                    (self.path / name).unlink()

    def close(self) -> None:
        """Closes the log and lets other processes use the folder."""
        logging.getLogger().removeHandler(self._log)
        self._log.close()
        self._lock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _check_resumable(self, flags: dict[str, str]) -> None:
        check_holds_run(self.path)
        check_flags(self.path, flags)

    def _claim(self) -> FolderLock:
        try:
            return FolderLock(self.path)
        except OSError as error:
            raise ValueError(f"--workdir={self.path} cannot be written to ({error.strerror}): give another.") from error

    def _write_flags(self, flags: dict[str, str]) -> None:
        lines = ["# What this run was made with; python -m experiments.run --flagfile=<this file> runs it again."]
        lines += [f"--{name}={value}" for name, value in flags.items()]
        try:
            atomic.replace(self.path / FLAGS, ("\n".join(lines) + "\n").encode())
        except OSError as error:
            raise ValueError(f"{self.path / FLAGS} cannot be written ({error.strerror}).") from error


def _has_any(folder: pathlib.Path, names: Iterable[str]) -> bool:
    """Whether any of these is there and, if it is a folder, holds something."""
    paths = [folder / name for name in names]
    return any(any(path.iterdir()) if path.is_dir() else path.exists() for path in paths)


def check_holds_run(path: str | pathlib.Path) -> None:
    """Raises ValueError unless the folder holds a run that can be resumed."""
    path = pathlib.Path(path)
    if not (path / FLAGS).is_file() and _has_any(path, RESULTS):
        raise ValueError(
            f"{path} holds a run without its {FLAGS}: put it back (checkpoints/step-*.json names all flags), or give "
            "another --workdir."
        )
    if not (path / FLAGS).is_file():
        raise ValueError(f"--resume finds no run in {path}: leave it out to start one, or check --workdir.")


def read_flags(path: str | pathlib.Path) -> dict[str, str]:
    """The flags that a run folder was made with, name -> value.

    Raises:
        ValueError: the file is not there or cannot be read.
    """
    return flags_file.read_flags(pathlib.Path(path) / FLAGS).values


def check_flags(path: pathlib.Path, flags: Mapping[str, str], may_change: Collection[str] = MAY_CHANGE) -> None:
    """Checks that a run folder was made with these flags.

    Args:
        path: the run folder.
        flags: resolved flags, name -> value.
        may_change: flags that may have another value now.

    Raises:
        ValueError: another flag has another value.
    """
    before = ADDED | read_flags(path)
    for name in sorted((before.keys() & flags.keys()) - {*may_change}):
        if not flags_file.same_value(before[name], flags[name]):
            raise ValueError(
                f"The run in {path} was started with --{name}={before[name]}, now it is {flags[name]}: "
                "leave that flag as it was, or give another folder. What may change: "
                f"{', '.join(may_change)}."
            )


class _LogFile(logging.Handler):
    """The log of a run; a disk that is full for a while costs no line."""

    def __init__(self, path: pathlib.Path):
        super().__init__()
        self._file = AppendFile(path)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        self._file.append(f"{line}\n".encode(errors="replace"))
        self._file.sync()

    def close(self) -> None:
        self._file.close()
        super().close()


def _log_to(path: pathlib.Path) -> logging.Handler:
    """Sends the messages of this project, and all warnings, to a file."""
    handler = _LogFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: record.name.startswith("cmta_jax") or record.levelno >= logging.WARNING)
    logging.getLogger().addHandler(handler)
    logging.getLogger("cmta_jax").setLevel(logging.INFO)
    return handler
