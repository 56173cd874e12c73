"""Ctrl-C and SIGTERM ask the run to save and end. A Ctrl-C after that ends the process at once.

Further SIGTERMs change nothing: clusters and `timeout` send it to the process and again to its group.
"""

import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal came when there was nothing to save; `status` is what the process should exit with."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Stop:
    """A context that hears the signals.

    Attributes:
        patient: whether a signal waits to be asked for (`status`); otherwise it raises `Stopped` right away.
        status: 0, or 128 + the number of the signal that came (130 for Ctrl-C, 143 for SIGTERM).
    """

    def __init__(self):
        self.patient, self.status, self._before = False, 0, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number, frame):
        if self.status:
            return
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.status = 128 + number
        if not self.patient:
            raise Stopped(number)
