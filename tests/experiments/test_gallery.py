"""README and documentation: pictures and files that they name are there, commands are understood."""

import pathlib
import re
import shlex

import pytest

from experiments import evaluate, inspect_modules, report

ROOT = pathlib.Path(__file__).parents[2]
PAGES = {path: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
PROGRAMS = {"report": report, "evaluate": evaluate, "inspect_modules": inspect_modules}
COMMAND = re.compile(rf"^python -m experiments\.({'|'.join(PROGRAMS)}) (.*)$", re.MULTILINE)
COMMANDS = sorted({command for page in PAGES.values() for command in COMMAND.findall(page)})
CODE_NAME = re.compile(r"`((?:cmta_jax|experiments|tests)/[\w/.]+)(?::(\w+))?`")  # `cmta_jax/losses.py:actor_loss`


def test_every_picture_is_there_and_shown_and_all_are_small():
    shown = {name for page in PAGES.values() for name in re.findall(r"gallery/[\w.-]+", page)}
    files = {f"gallery/{path.name}": path for path in (ROOT / "docs" / "gallery").iterdir()}
    assert shown == files.keys()
    assert sum(path.stat().st_size for path in files.values()) < 1.5e6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files.values())


@pytest.mark.parametrize(("program", "arguments"), COMMANDS)
def test_a_command_of_the_pages_is_understood(program, arguments):
    PROGRAMS[program]._flags()([program, *shlex.split(arguments, comments=True)])


def test_every_program_is_shown():
    assert {program for program, _ in COMMANDS} == PROGRAMS.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_and_function_that_a_page_names_exists(page):
    for name, symbol in CODE_NAME.findall(PAGES[page]):
        path = ROOT / name
        assert path.exists(), f"{page.name} names {name}"
        found = not symbol or re.search(rf"^ *(class|def) {symbol}\b", path.read_text(), re.MULTILINE)
        assert found, f"{page.name} names {name}:{symbol}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_to_a_page_leads_to_one(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGES[page])
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_fits_on_three_screens():
    assert len(PAGES[ROOT / "README.md"].splitlines()) <= 150
