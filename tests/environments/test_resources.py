"""Limits of containers and jobs, from control groups of both versions made in a folder."""

import os
import pathlib

import psutil
import pytest

from cmta_jax.environments.pool import balancing, resources
from experiments.command_line import checks

GIB = 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A function that says in which groups the process is, and writes their files: name -> text."""
    monkeypatch.setattr(resources, "MOUNT", tmp_path / "mount")
    monkeypatch.setattr(resources, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)

    def make(own, files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return make


class Memory:
    available = 100 * GIB


def test_without_groups_the_machine_is_the_limit(groups):
    assert checks.free_bytes() == 100 * GIB and resources.usable_cores() == 64


def test_page_cache_is_free_memory(groups):
    """Of 16 GiB 15 are used, 14 of them by files: 16 - (15 - 14) = 15."""
    files = {
        "memory.max": str(16 * GIB), "memory.current": str(15 * GIB),
        "memory.stat": f"anon {GIB}\ninactive_file {10 * GIB}\nactive_file {4 * GIB}\n",
    }  # fmt: skip
    groups("0::/\n", files)
    assert checks.free_bytes() == 15 * GIB


def test_the_group_of_the_process_counts_and_those_above_it(groups):
    """The job may use 4 GiB, of which 1 is used; its parent has 2 GiB left; the root has no limit."""
    files = {
        "memory.max": "max", "memory.current": "1", "slurm/memory.max": str(8 * GIB),
        "slurm/memory.current": str(6 * GIB), "slurm/job/memory.max": str(4 * GIB),
        "slurm/job/memory.current": str(GIB), "other/memory.max": "1", "other/memory.current": "0",
    }  # fmt: skip
    groups("0::/slurm/job\n", files)
    assert checks.free_bytes() == 2 * GIB
    groups("0::/slurm/job\n", {"slurm/memory.max": "max"})
    assert checks.free_bytes() == 3 * GIB


def test_version_1_counts_the_page_cache_of_the_groups_below(groups):
    """4 - (3 - 2) = 3 GiB. Docker shows the host's path, and only the root is there."""
    files = {
        "memory/memory.limit_in_bytes": str(4 * GIB), "memory/memory.usage_in_bytes": str(3 * GIB),
        "memory/memory.stat": f"inactive_file 0\ntotal_inactive_file {2 * GIB}\n",
    }  # fmt: skip
    groups("9:memory:/docker/abc\n0::/system.slice\n", files)
    assert checks.free_bytes() == 3 * GIB


def test_where_nothing_says_how_much_memory_is_free_all_is_tried(groups, monkeypatch):
    """No /proc, as in some jails."""

    def unreadable():
        raise FileNotFoundError(2, "No such file or directory", "/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", unreadable)
    checks.check_memory(100 * GIB, checks.free_bytes(), 1000)
    groups("0::/\n", {"memory.max": str(2 * GIB), "memory.current": str(GIB)})
    assert checks.free_bytes() == GIB


def test_where_nothing_says_which_cores_are_allowed_all_count(groups, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: os.stat("/nowhere"))  # raises OSError
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert resources.usable_cores() == 7


def test_only_one_module_counts_cores():
    """Elsewhere a number of cores would know neither affinity nor quota."""
    root = pathlib.Path(__file__).parents[2]
    modules = [path for package in ("cmta_jax", "experiments") for path in (root / package).rglob("*.py")]
    assert [path.name for path in modules if "cpu_count" in path.read_text()] == ["resources.py"]


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/", {"cpu.max": "200000 100000"}, 2),  # docker --cpus=2
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/a/b", {"a/cpu.max": "350000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("4:cpu,cpuacct:/x", {"cpu/x/cpu.cfs_quota_us": "400000", "cpu/x/cpu.cfs_period_us": "100000"}, 4),
        ("4:cpu,cpuacct:/x", {"cpu,cpuacct/x/cpu.cfs_quota_us": "-1", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"}, 64),
    ],
)
def test_a_quota_of_processor_time_limits_the_workers(groups, own, files, cores):
    groups(own + "\n", files)
    assert balancing.count_workers(None, 100) == cores
    assert balancing.count_workers(70, 100) == 70  # whoever asks gets what they ask for
