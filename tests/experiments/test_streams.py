"""Closed standard streams and narrow encodings, as under cron, in services and in minimal containers."""

import io
import subprocess
import sys

import pytest
from toy_runs import main, numbers

PROGRAM = """
import os, sys
from experiments.command_line import streams
streams.repair()
print("unseen"); print("unseen", file=sys.stderr); sys.stdin.read()
assert min(os.pipe()) > 2
os.execv(sys.executable, [sys.executable, "-c", "import os, sys; [os.fstat(i) for i in range(3)]; sys.exit(7)"])
"""


def test_a_run_needs_no_standard_streams(whole, tmp_path, monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(tmp_path / "run") == 0
    for name in ("stdin", "stdout", "stderr"):
        getattr(sys, name).close()
    assert numbers(tmp_path / "run") == numbers(whole)


def test_a_path_that_the_console_cannot_show_is_escaped(tmp_path, monkeypatch):
    """As with PYTHONIOENCODING=ascii; 0xf6 is the letter in the path."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(tmp_path / "gr\xf6sse", "--steps_per_task=20") == 0
    sys.stdout.flush()
    assert b"gr\\xf6sse" in written.getvalue()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_pipes_never_get_the_numbers_of_closed_streams(closed):
    """Also after the restart with huge pages."""
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, PROGRAM]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 7
