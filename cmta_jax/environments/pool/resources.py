"""Memory and cores that this process may use: those of the machine, less the limits of its control groups (Linux)."""

import os
import pathlib
from collections.abc import Iterator

import psutil

OWN_GROUPS = pathlib.Path("/proc/self/cgroup")  # lines `number:controllers:path`; version 2 names no controllers
UNKNOWN = 2**63 - 1  # more than any machine has, so that what needs memory is tried
MOUNT = pathlib.Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Free bytes of main memory, `UNKNOWN` where nothing says it; page cache is free, the kernel gives it back."""
    try:
        available = psutil.virtual_memory().available
    except (OSError, RuntimeError, psutil.Error):  # no /proc, as in some jails
        available = UNKNOWN
    return max(0, min([available, *_free_in_groups()]))


def usable_cores() -> int:
    """Cores by affinity and by the groups' quota of processor time, rounded down; at least 1."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not Linux, or a sandbox that forbids to ask
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *_quotas()]))


def _free_in_groups() -> Iterator[int]:
    for group in _groups("memory"):
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),  # version 1
        ):
            try:
                most, now = (int((group / name).read_text()) for name in (limit, used))
            except (OSError, ValueError):  # not there, or `max`
                continue
            yield most - max(0, now - _page_cache(group))


def _page_cache(group: pathlib.Path) -> int:
    """Bytes of files in memory. Version 1 counts those of groups below only under names that begin with `total_`."""
    try:
        lines = [line.split() for line in (group / "memory.stat").read_text().splitlines()]
        values = {name: int(value) for name, value in lines}
    except (OSError, ValueError):
        return 0
    return sum(values.get(f"total_{name}", values.get(name, 0)) for name in ("inactive_file", "active_file"))


def _quotas() -> Iterator[int]:
    for group in _groups("cpu"):
        for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            try:
                quota, period = (int(value) for name in files for value in (group / name).read_text().split())
            except (OSError, ValueError):  # not there, or `max`
                continue
            if quota > 0 and period > 0:  # version 1 writes -1 for no quota
                yield quota // period


def _groups(controller: str) -> Iterator[pathlib.Path]:
    """Folders of this process's groups and of those above them, which limit it too.

    In a container the path may be that of the host, of which only the root is there.
    """
    try:
        lines = [line.split(":", 2) for line in OWN_GROUPS.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if not controllers:
            roots = [MOUNT, MOUNT / "unified"]
        elif controller in controllers.split(","):
            roots = [MOUNT / controller, MOUNT / controllers]
        else:
            continue
        below = pathlib.PurePosixPath(path.lstrip("/"))
        for root in roots:
            yield from (root / part for part in (below, *below.parents))
