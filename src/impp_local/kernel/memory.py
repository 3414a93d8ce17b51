"""Memory that glibc keeps: give it back to the system.

The cloud has a thread for each connection, and each thread would allocate from an arena of its own. After bursts of
requests with large bodies, two thirds of the resident memory are free blocks in these arenas. Other C libraries have
no such calls, and are left alone.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import suppress
from typing import Final

ARENAS: Final = 2
"""Python's own lock leaves little to gain from more."""
MAPPED_FROM: Final = 1 << 20
"""Bytes from which a block is a mapping of its own, which goes back when it is freed: bodies, frames, tensors. Unless
it is set, glibc raises it up to 32 MiB with the first block that is freed."""
TRIM_EVERY_S: Final = 5.0

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def limit() -> None:
    """Keep few arenas from now on; call it before threads start."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM)


def release() -> None:
    """Give free blocks back to the system."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class Releaser:
    """Calls `release` every few seconds."""

    def __init__(self) -> None:
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._is_closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closed.wait(TRIM_EVERY_S):
            release()
