"""Stop in order when asked to, at once when asked twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals(stop: threading.Event, wake: Callable[[], None] = lambda: None) -> None:
    """Let the first SIGTERM or SIGINT set ``stop`` and call ``wake``; the second one ends the process.

    A handler runs in the middle of whatever the main thread does, so that may ask ``stop`` but neither set it nor wait
    for it, and ``wake`` may take no lock that the main thread may hold.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        stop.set()
        wake()

    for number in STOPPING:
        signal.signal(number, handle)
