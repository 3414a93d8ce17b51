"""Ctrl-C, SIGTERM and a closed terminal: the first unwinds the command, the second leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from impp_local.kernel import children

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked the command to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def unwinding() -> Iterator[None]:
    """Raise Interrupted in the main thread at the first signal; at the second, kill the children and exit."""
    is_second = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal is_second
        if is_second:
            leave(128 + number)
        is_second = True
        raise Interrupted(number)

    # What is ignored stays so: SIGHUP below nohup, SIGINT in the background of a script.
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(code: int) -> None:
    """End the process without waiting for its threads; no child stays."""
    children.end_all()
    os._exit(code)
