"""Commands restart with huge pages, once, unless the user has set up glibc."""

import importlib
import pathlib
import runpy
import sys
import tomllib

import pytest

from experiments.command_line import console, huge_pages

EXPERIMENTS = pathlib.Path(huge_pages.__file__).parents[1]


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


@pytest.mark.parametrize("name", ["run", "benchmark"])
def test_a_command_restarts_before_jax_is_imported_and_only_as_a_program(begun_again, monkeypatch, name):
    """As a program the module stops at the restart here; imported by others it does not restart."""

    class Restarted(Exception):
        pass

    def restart():
        raise Restarted

    importlib.import_module(f"experiments.{name}")
    monkeypatch.setattr(huge_pages, "restart", restart)
    with pytest.raises(Restarted):
        runpy.run_path(str(EXPERIMENTS / f"{name}.py"), run_name="__main__")
    runpy.run_path(str(EXPERIMENTS / f"{name}.py"), run_name="imported")
    lines = (EXPERIMENTS / f"{name}.py").read_text().partition("huge_pages.restart()")[0].splitlines()
    (line,) = [line for line in lines if "import" in line and not line.startswith("if")]
    before, _, names = line.partition(" import ")
    assert before == "from experiments.command_line" and {*names.split(", ")} <= {"huge_pages", "streams"}


@pytest.mark.parametrize(("script", "restarts"), [("run", 1), ("benchmark", 1), ("evaluate", 0), ("report", 0)])
def test_console_scripts_are_the_commands(monkeypatch, script, restarts):
    seen = []
    monkeypatch.setattr(huge_pages, "restart", lambda: seen.append("restart"))
    monkeypatch.setattr(f"experiments.{script}.main", lambda arguments: seen.append(arguments) or 7)
    monkeypatch.setattr(sys, "argv", [f"cmta-{script}", "--seed=1"])
    assert getattr(console, script)() == 7
    assert seen == ["restart"] * restarts + [["--seed=1"]]


def test_every_command_has_a_console_script():
    scripts = tomllib.loads((EXPERIMENTS.parent / "pyproject.toml").read_text())["project"]["scripts"]
    for name, place in scripts.items():
        module, function = place.split(":")
        assert name == f"cmta-{function.replace('_', '-')}" and (EXPERIMENTS / f"{function}.py").is_file()
        assert module == console.__name__ and callable(getattr(console, function))
    commands = {"run", "evaluate", "report", "benchmark", "inspect_modules", "embed_tasks", "sweep"}
    assert {place.split(":")[1] for place in scripts.values()} == commands
