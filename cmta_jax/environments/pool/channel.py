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

_SPIN = 5e-4  # seconds; more than a pool needs between two steps if nothing is learnt between them
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

    def spin(self, seconds: float) -> None:
        """Returns when a byte can be read, at the latest after `seconds`; keeps the core busy until then."""
        until = time.perf_counter() + seconds
        while not self._poll.poll(0) and time.perf_counter() < until:
            pass

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


class Commands:
    """The commands that a worker receives. Waking a process takes longer than a short wait, so it stays awake for one.

    It stays awake only where the command before came within `_SPIN` seconds, so a learner's core is left alone.

    Args:
        channel: of the worker.
        may_spin: whether there are enough cores to wait in this way.
    """

    def __init__(self, channel: Channel, may_spin: bool):
        self._channel, self._may_spin = channel, may_spin
        self._was_soon = False

    def next(self) -> bytes:
        """Waits for a command; raises Closed."""
        began = time.perf_counter()
        if self._may_spin and self._was_soon:
            self._channel.spin(_SPIN)
        command = self._channel.read()
        self._was_soon = time.perf_counter() - began < _SPIN
        return command
