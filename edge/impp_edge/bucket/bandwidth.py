"""The bandwidth limit that all threads share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from impp_edge.stop import Stopped

BLOCK = 256 * 1024
"""Bytes to send at a time: more would not be cheaper, and a slow line sends a block before it counts as stalled."""
SMOOTH_S = 0.1
"""Under a limit, seconds of bandwidth to send at a time."""
BURST_S = 0.25
"""Seconds of bandwidth that accumulate while nothing is sent."""


class Bandwidth:
    """At most ``limit_mbit`` million bits per second, None for no limit, over all threads that call :meth:`take`.

    Each call reserves its own span of the line, in the order of the calls, and waits until that span begins: threads
    share the bandwidth fairly, and no bytes are lost or counted twice.
    """

    def __init__(
        self,
        limit_mbit: float | None,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._bytes_per_s = limit_mbit * 1e6 / 8 if limit_mbit else None
        self._clock = clock
        self._wait = wait or (stop or threading.Event()).wait
        self._free = clock() - BURST_S  # when the line is free again
        self._mutex = threading.Lock()

    @property
    def block(self) -> int:
        """Bytes to send at a time: few under a limit, so that the line is shared smoothly."""
        if self._bytes_per_s is None:
            return BLOCK
        return max(1024, min(BLOCK // 2, int(self._bytes_per_s * SMOOTH_S)))

    def take(self, n_bytes: int) -> None:
        """Wait until ``n_bytes`` may be sent. Raises :class:`Stopped` when asked to stop meanwhile."""
        if self._bytes_per_s is None:
            return
        with self._mutex:
            now = self._clock()
            begin = max(self._free, now - BURST_S)
            self._free = begin + n_bytes / self._bytes_per_s
        if begin > now and self._wait(begin - now):
            raise Stopped("asked to stop")
