"""Two pipes between the pool and one worker: a command is one byte, its answer is one byte.

A read from a pipe sleeps in the kernel and costs about as much as a semaphore. It also returns when the other process
has died, whatever killed it, so a worker never lives longer than the process of its pool.
"""

import json
import os
import select
import struct
import time
from typing import Any

PING, STEP, STEP_AND_RESET, RESET, DRAW, PICTURE, QUIT = b"p", b"s", b"b", b"r", b"d", b"i", b"q"
DONE, REPORT, BROKEN = b".", b"!", b"x"  # no failure; some lanes failed; the worker itself failed

_GRACE = 1.0  # seconds; a suspended machine must not count as a hanging worker


class Closed(Exception):
    """The other process has closed its ends of the pipes, or has died."""


class Late(Exception):
    """There was no answer within the time allowed."""


class Channel:
    """The two ends that belong to one process.

    Args:
        read_end, write_end: file descriptors.
    """

    def __init__(self, read_end: int, write_end: int):
        self._read_end, self._write_end = read_end, write_end
        self._poll = select.poll()
        self._poll.register(read_end, select.POLLIN)

    def write(self, data: bytes) -> None:
        """Writes all of `data`; raises Closed."""
        try:
            written = os.write(self._write_end, data)
            while written < len(data):
                written += os.write(self._write_end, data[written:])
        except OSError as error:
            raise Closed from error

    def read(self, count: int = 1) -> bytes:
        """Exactly `count` bytes; sleeps until they have arrived. Raises Closed."""
        data = os.read(self._read_end, count)
        while 0 < len(data) < count:
            more = os.read(self._read_end, count - len(data))
            data = data + more if more else b""
        if not data:
            raise Closed
        return data

    def wait(self, timeout: float) -> None:
        """Sleeps until a byte can be read; raises Late after `timeout` seconds."""
        if self._poll.poll(1e3 * timeout):
            return
        time.sleep(0.01)  # if both processes were suspended, the other one may now answer
        if not self._poll.poll(1e3 * _GRACE):
            raise Late

    def write_message(self, message: Any) -> None:
        """Writes a value that JSON can hold."""
        text = json.dumps(message).encode()
        self.write(struct.pack("<I", len(text)) + text)

    def read_message(self) -> Any:
        """Reads what `write_message` wrote."""
        (length,) = struct.unpack("<I", self.read(4))
        return json.loads(self.read(length))

    def close(self) -> None:
        """Closes both ends; may be called twice."""
        for end in (self._read_end, self._write_end):
            try:
                os.close(end)
            except OSError:
                pass
