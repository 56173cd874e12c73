"""Standard streams that a command can rely on, however it was started."""

import io
import os
import sys


def repair() -> None:
    """Opens closed standard streams on the null device, and escapes characters that a stream cannot encode.

    Call it before anything else opens files: pipes and shared memory would otherwise get the numbers 0 to 2, which mean
    something else in a worker process.
    """
    for descriptor in range(3):
        _open_if_closed(descriptor, os.O_WRONLY if descriptor else os.O_RDONLY)
    for name in ("stdin", "stdout", "stderr"):  # afterwards, because these files get numbers too
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _open_if_closed(descriptor: int, flags: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, flags)
        os.dup2(opened, descriptor)
        os.set_inheritable(descriptor, True)  # dup2 does nothing if the two are equal
        if opened != descriptor:
            os.close(opened)
