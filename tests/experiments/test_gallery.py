"""README's gallery: its pictures are there, its commands are ones that these programs understand."""

import pathlib
import re
import shlex

import pytest

from experiments import evaluate, inspect_modules, report

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROGRAMS = {"report": report, "evaluate": evaluate, "inspect_modules": inspect_modules}
COMMANDS = re.findall(rf"^python -m experiments\.({'|'.join(PROGRAMS)}) (.*)$", README, re.MULTILINE)


def test_every_picture_is_there_and_shown_and_all_are_small():
    shown = set(re.findall(r'src="(docs/gallery/[^"]*)"', README))
    files = {str(path.relative_to(ROOT)): path.stat().st_size for path in (ROOT / "docs" / "gallery").iterdir()}
    assert shown == files.keys() and sum(files.values()) < 1.5e6
    assert all((ROOT / name).read_bytes().startswith(b"\x89PNG") for name in shown)


@pytest.mark.parametrize(("program", "arguments"), COMMANDS)
def test_a_command_of_the_readme_is_understood(program, arguments):
    PROGRAMS[program]._flags()([program, *shlex.split(arguments, comments=True)])


def test_every_program_is_shown():
    assert {program for program, _ in COMMANDS} == PROGRAMS.keys()
