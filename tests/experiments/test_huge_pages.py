"""Commands begin again with huge pages, once, and leave a set-up glibc alone."""

import importlib
import sys

import pytest

import experiments
from experiments.command_line import huge_pages


@pytest.fixture
def begun_again(monkeypatch):
    """The environment, and the calls of execv, which return here."""
    calls, environment = [], {}
    monkeypatch.setattr(huge_pages.os, "environ", environment)
    monkeypatch.setattr(huge_pages.os, "execv", lambda *call: calls.append(call))
    monkeypatch.setattr(huge_pages.platform, "libc_ver", lambda: ("glibc", "2.36"))
    return environment, calls


def test_a_command_begins_again_as_it_was_given_and_only_once(begun_again, monkeypatch):
    environment, calls = begun_again
    monkeypatch.setattr(sys, "orig_argv", ["python", "-P", "-m", "experiments.run", "--seed=1"])
    huge_pages.restart()
    huge_pages.restart()
    assert calls == [(sys.executable, [sys.executable, "-P", "-m", "experiments.run", "--seed=1"])]
    assert environment["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"


@pytest.mark.parametrize("setting", ["", "glibc.malloc.arena_max=1"])
def test_settings_of_the_user_stand(begun_again, setting):
    environment, calls = begun_again
    environment["GLIBC_TUNABLES"] = setting
    huge_pages.restart()
    assert not calls and environment["GLIBC_TUNABLES"] == setting


def test_nothing_happens_where_glibc_is_not(begun_again, monkeypatch):
    environment, calls = begun_again
    monkeypatch.setattr(huge_pages.platform, "libc_ver", lambda: ("", ""))
    huge_pages.restart()
    assert not calls and "GLIBC_TUNABLES" not in environment


@pytest.mark.parametrize(("program", "times"), [("-m", 1), ("/usr/bin/pytest", 0)])
def test_only_a_command_begins_again_and_not_who_imports_it(begun_again, monkeypatch, program, times):
    monkeypatch.setattr(sys, "argv", [program, "--seed=1"])
    importlib.reload(experiments)
    assert len(begun_again[1]) == times
