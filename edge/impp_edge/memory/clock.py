"""Detect that our own clock was set while we run, as on a small computer without a battery that gets the time from the
network.

The uptime cannot be set. Time of day and uptime advance together; if their difference changes, the clock was set.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Protocol

JUMP_S = 2.0
"""A clock that moved by more than this against the uptime was set; below that it was merely slewed."""
SLEW = 500e-6
"""Most seconds by which a clock is slewed in a second (adjtimex(2))."""
_NAME = "clock"


class Memory(Protocol):
    """Storage for observations of the clock between runs, such as a State."""

    def get(self, name: str) -> str | None:
        """The value of a name."""

    def set(self, name: str, value: str | None) -> None:
        """Keep a value under a name."""


def at_least(memory: Memory, now: float, for_s: float) -> float:
    """A lower bound of the time, in seconds since 1970: ``now``, or, if this or an earlier run saw the clock set
    forward in the last ``for_s`` seconds, what it would show without that. So a file written just before does not look
    old."""
    uptime = time.monotonic()
    offset = now - uptime
    noted = (memory.get(_NAME) or "").split()
    if len(noted) != 5 or noted[0] != boot():
        memory.set(_NAME, f"{boot()} {offset!r} {uptime!r} -inf {offset!r}")
        return now
    last, seen, jumped, before = map(float, noted[1:])
    moved = abs(offset - last)
    if moved > JUMP_S + SLEW * (uptime - seen):
        jumped, before = uptime, last
    if moved > JUMP_S / 4:
        memory.set(_NAME, f"{boot()} {offset!r} {uptime!r} {jumped!r} {before!r}")
    return min(now, uptime + before) if uptime - jumped < for_s else now


@cache
def boot() -> str:
    """An identifier of this boot of the computer."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # not Linux: the minute of the boot; setting the clock changes that too, and watching starts over
        return str(int((time.time() - time.monotonic()) // 60))
