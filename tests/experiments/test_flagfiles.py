import os

import pytest

from experiments.command_line import flagfiles
from experiments.command_line.parse import parse


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory and a folder of shipped files."""
    for name in ("work", "shipped/deep"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(flagfiles, "SHIPPED", tmp_path / "shipped")
    (tmp_path / "shipped" / "quick.flags").write_text("# says little\n\n// nor does this\n--seed=1\n")
    return tmp_path


def texts(*arguments):
    return [argument.text for argument in flagfiles.expand(arguments)]


def test_a_file_stands_where_its_lines_are_put(here):
    (here / "work" / "mine.flags").write_text("--a=1\n  --b=2  \n")
    assert texts("--x=0", "--flagfile=mine.flags", "--y=3") == ["--x=0", "--a=1", "--b=2", "--y=3"]
    assert texts("--flagfile", "mine.flags", "--y=3") == ["--a=1", "--b=2", "--y=3"]


def test_an_argument_knows_its_file_and_line(here):
    (origin,) = [argument.origin for argument in flagfiles.expand(["--flagfile=quick.flags"])]
    assert origin == f"{here / 'shipped' / 'quick.flags'}, line 4"


def test_a_bare_name_that_is_no_file_here_is_a_shipped_one(here):
    assert texts("--flagfile=quick.flags") == ["--seed=1"]
    (here / "work" / "quick.flags").write_text("--seed=2\n")
    assert texts("--flagfile=quick.flags") == ["--seed=2"]
    (here / "work" / "quick.flags").unlink()
    (here / "work" / "quick.flags").mkdir()  # a folder of that name does not hide it
    assert texts("--flagfile=quick.flags") == ["--seed=1"]


def test_an_include_is_looked_for_beside_its_file_then_here_then_among_the_shipped(here):
    (here / "shipped" / "deep" / "top.flags").write_text("--flagfile=quick.flags\n")
    assert texts("--flagfile=deep/top.flags") == ["--seed=1"]
    (here / "work" / "quick.flags").write_text("--seed=2\n")
    assert texts("--flagfile=deep/top.flags") == ["--seed=2"]
    (here / "shipped" / "deep" / "quick.flags").write_text("--seed=3\n")
    assert texts("--flagfile=deep/top.flags") == ["--seed=3"]


def test_a_file_may_be_included_twice_but_not_by_itself(here):
    work = here / "work"
    (work / "twice.flags").write_text("--flagfile=quick.flags\n--flagfile=quick.flags\n")
    assert texts("--flagfile=twice.flags") == ["--seed=1", "--seed=1"]
    (work / "one.flags").write_text("--flagfile=two.flags\n")
    (work / "two.flags").write_text("--flagfile=./one.flags\n")
    with pytest.raises(ValueError, match="includes itself: one.flags -> two.flags -> one.flags"):
        texts("--flagfile=one.flags")


def test_files_that_multiply_are_stopped(here):
    for i in range(30):
        (here / "work" / f"{i}.flags").write_text(f"--flagfile={i + 1}.flags\n" * 2)
    (here / "work" / "30.flags").write_text("--seed=1\n")
    with pytest.raises(ValueError, match="More than 200 flagfiles"):
        texts("--flagfile=0.flags")


def write(path, content):
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: write(path, b"\x7fELF\x00\xff\xfe"), "is not a text file"),
        (lambda path: write(path, b"--seed=1\n\x00"), "is not a text file"),
        (lambda path: write(path, b"#" * (2**20 + 1)), "is larger than 1 MiB"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "is not an ordinary file"),
        (lambda path: path.symlink_to(path), "is not there"),
        (lambda path: None, "is not there: did you mean the shipped 'quick.flags'?"),
    ],
)
def test_what_cannot_be_a_flagfile_is_refused_in_one_sentence(here, make, sentence):
    make(here / "work" / "quikc.flags")
    with pytest.raises(ValueError) as error:
        texts("--flagfile=quikc.flags")
    assert sentence in str(error.value) and "quikc.flags" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_read_permission_is_refused(here):
    write(here / "work" / "locked.flags", b"--seed=1\n")
    (here / "work" / "locked.flags").chmod(0)
    with pytest.raises(ValueError, match="locked.flags cannot be read"):
        texts("--flagfile=locked.flags")


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b"])
def test_a_name_that_cannot_be_one_is_refused(here, name):
    with pytest.raises(ValueError, match="flagfile|Flagfile"):
        texts(f"--flagfile={name}")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(here):
    write(here / "work" / "notepad.flags", b"\xef\xbb\xbf--seed=1\r\n--x=2\r\n")
    assert texts("--flagfile=notepad.flags") == ["--seed=1", "--x=2"]


@pytest.mark.parametrize("line", ["--seed = 3", "--seed 3"])
def test_a_line_with_spaces_is_not_called_an_unknown_flag(tmp_path, line):
    (tmp_path / "own.flags").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"own.flags, line 1\): write flags as --name=value, without spaces"):
        parse([f"--flagfile={tmp_path}/own.flags"])
