"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 ask the run to save and end. A Ctrl-C after that ends the process at once.

Clusters send SIGTERM or SIGUSR1 before they end a job, some of them twice; a lost terminal sends SIGHUP. Further
signals other than Ctrl-C therefore change nothing.
"""

import signal
import threading
from types import FrameType
from typing import Self

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)
)  # Windows lacks the last two


class Stopped(Exception):
    """A signal came when there was nothing to save.

    Attributes:
        status: the exit status of the process.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Stop:
    """A context that receives the signals. SIGHUP stays ignored where it is, as under nohup.

    Attributes:
        patient: whether a signal only sets `status`; otherwise it raises `Stopped` at once.
        status: 0, or 128 + the number of the first signal (130 for Ctrl-C, 143 for SIGTERM).
    """

    def __init__(self):
        self.patient, self.status, self._before = False, 0, {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in SIGNALS if not _kept(number)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.status:
            return
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.status = 128 + number
        if not self.patient:
            raise Stopped(number)


def _kept(number: int) -> bool:
    return number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN
