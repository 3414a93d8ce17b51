"""Memory that each thread keeps from file to file, so that a run over many files asks for none."""

from __future__ import annotations

import threading


class Buffer(threading.local):
    """One buffer a thread, of ``size`` bytes at first."""

    def __init__(self, size: int = 0) -> None:
        self._kept = memoryview(bytearray(size))

    def __call__(self, size: int = 0) -> memoryview:
        """This thread's buffer, of at least ``size`` bytes; its content is lost when it has to grow."""
        if len(self._kept) < size:
            self._kept = memoryview(bytearray(size))
        return self._kept
