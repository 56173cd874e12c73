"""Two pipes between the pool and one worker: one byte asks, one byte answers, and a broken pipe tells of a death.

Reading from a pipe sleeps in the kernel, costs about as much as a semaphore, and ends by itself when the other side
is gone, whatever killed it: a worker outlives neither its pool nor the process that held it.
"""

import json
import os
import select
import struct
import time

PING, STEP, STEP_AND_RESET, RESET, DRAW, QUIT = b"p", b"s", b"b", b"r", b"d", b"q"
DONE, REPORT, BROKEN = b".", b"!", b"x"  # all well; some lanes failed; the worker itself failed

_GRACE = 1.0  # seconds; a suspended machine must not count as a hanging worker


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """No answer within the time allowed."""


class Channel:
    """One side's ends of the two pipes."""

    def __init__(self, read_end: int, write_end: int):
        self._read_end, self._write_end = read_end, write_end
        self._poll = select.poll()
        self._poll.register(read_end, select.POLLIN)

    def write(self, data: bytes) -> None:
        try:
            written = os.write(self._write_end, data)
            while written < len(data):
                written += os.write(self._write_end, data[written:])
        except OSError as error:
            raise Closed from error

    def read(self, count: int = 1) -> bytes:
        """Exactly `count` bytes; sleeps until they are there."""
        data = os.read(self._read_end, count)
        while 0 < len(data) < count:
            more = os.read(self._read_end, count - len(data))
            data = data + more if more else b""
        if not data:
            raise Closed
        return data

    def wait(self, timeout: float) -> None:
        """Sleeps until there is something to read; raises Late after `timeout` seconds."""
        if self._poll.poll(1e3 * timeout):
            return
        time.sleep(0.01)  # a process stopped together with this one gets its turn
        if not self._poll.poll(1e3 * _GRACE):
            raise Late

    def write_message(self, message) -> None:
        text = json.dumps(message).encode()
        self.write(struct.pack("<I", len(text)) + text)

    def read_message(self):
        (length,) = struct.unpack("<I", self.read(4))
        return json.loads(self.read(length))

    def close(self) -> None:
        for end in (self._read_end, self._write_end):
            try:
                os.close(end)
            except OSError:
                pass
