"""What the runs of a row cost, and what they ran on: from their logs and policy files."""

import datetime
import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cmta_jax.checkpoint import CheckpointError, arrays

UNKNOWN = float("nan")
SHOWN = ("metaworld", "mujoco", "jax")  # packages whose versions a table names
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \w+ [\w.]+: (.*)")
BEGIN, DEVICES = re.compile("run folder "), re.compile(r"training on (\d+) device\(s\): (.*)")


class Costs(NamedTuple):
    """NaN and empty where no file tells."""

    parameters: float = UNKNOWN  # of one seed: networks and temperatures, without target networks
    wall_hours: float = UNKNOWN  # all runs, one after another; interruptions do not count
    device_hours: float = UNKNOWN  # each times the devices that it used
    devices: tuple[str, ...] = ()  # kinds
    versions: tuple[str, ...] = ()  # as in `jax 0.10.2`


class _Session(NamedTuple):
    """One start of a run, from its log."""

    began: datetime.datetime
    ended: datetime.datetime
    devices: int
    kind: str

    @property
    def hours(self) -> float:
        return (self.ended - self.began).total_seconds() / 3600


def read_costs(folders: Iterable[str]) -> Costs:
    """The costs of the runs of a row.

    Args:
        folders: of the row's seeds; one that holds several seeds counts once.
    """
    paths = [pathlib.Path(folder) for folder in dict.fromkeys(folders)]
    policies = [found for path in paths if (found := _policy(path / "policy.safetensors"))]
    logs = [[*_sessions(path / "run.log")] for path in paths]
    sessions = [session for log in logs for session in log]
    known = all(logs)
    known_devices = known and all(session.devices for session in sessions)
    return Costs(
        parameters=policies[0][0] if policies else UNKNOWN,
        wall_hours=sum(session.hours for session in sessions) if known else UNKNOWN,
        device_hours=sum(session.hours * session.devices for session in sessions) if known_devices else UNKNOWN,
        devices=tuple(dict.fromkeys(session.kind for session in sessions if session.kind)),
        versions=tuple(dict.fromkeys(text for _, texts in policies for text in texts)),
    )


def _policy(path: pathlib.Path) -> tuple[int, list[str]] | None:
    """Parameters of one seed, and versions; None without a policy file."""
    try:
        with open(path, "rb") as stream:
            kinds, text = arrays.read_header(stream)
        versions = json.loads(text)["metadata"]["versions"]
    except (CheckpointError, OSError, ValueError, KeyError, TypeError):
        return None
    seeds = next(iter(kinds.values())).shape[0]
    size = sum(kind.size // kind.dtype.itemsize for kind in kinds.values())
    return size // seeds, [f"{name} {versions[name]}" for name in SHOWN if name in versions]


def _sessions(path: pathlib.Path) -> Iterator[_Session]:
    """The starts of a run; each lasts until the last line before the next."""
    session = None
    for at, text in _lines(path):
        if BEGIN.match(text):
            if session:
                yield session
            session = _Session(at, at, 0, "")
        elif session:
            session = session._replace(ended=at)
            if found := DEVICES.match(text):
                session = session._replace(devices=int(found[1]), kind=found[2])
    if session:
        yield session


def _lines(path: pathlib.Path) -> Iterator[tuple[datetime.datetime, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if match := LINE.match(line):
            yield datetime.datetime.fromisoformat(match[1]), match[2]
