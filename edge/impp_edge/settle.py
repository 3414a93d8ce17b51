"""Tell which files are still being written, and which were cut short: never take the one, always bring the other.

A file is quiet when nobody has written to it for a while, by its own time or, where a clock cannot be believed, by our
own watching it. Our clock may be set while we run (a small computer without a battery learns the time from the
network), so watching goes by the uptime, and for a while after a jump a file's own time says nothing.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impp_edge.cameras import EARLIEST
from impp_edge.config import Config
from impp_edge.find import Found

if TYPE_CHECKING:
    from impp_edge.state import State

JUMP_S = 2.0
"""A clock that moved by more than this against the uptime was set; below that it was merely slewed."""
SLEW = 500e-6
"""Most seconds by which a clock is slewed in a second (adjtimex(2))."""
_BELIEVABLE = datetime(EARLIEST, 1, 1, tzinfo=UTC).timestamp()

Readiness = Literal["ready", "restless", "cut", "empty"]


def settled(found: Found, now: float, first_seen: float | None, settle_s: float) -> bool:
    """Whether nobody has written for ``settle_s`` seconds.

    By the file's own time where that lies in the past, else (a camera's clock may run ahead of ours) by
    ``first_seen``, when this size and time were first observed by our own clock.
    """
    quiet_by_itself = found.mtime + settle_s <= now
    quiet_by_us = first_seen is not None and first_seen + settle_s <= now
    return settle_s <= 0 or quiet_by_itself or quiet_by_us


def ready(found: Found, state: State, now: float, config: Config) -> Readiness:
    """Whether a file can be taken at ``now`` (seconds since 1970).

    ``ready``: it can, as it is. ``restless``: not quiet for ``settle_s`` yet. ``cut``: quiet, but its boxes are not
    complete (or it has no bytes), so perhaps its writer pauses; once it was quiet for ``truncated_after_s`` it is ready
    all the same. ``empty``: no bytes in all that time, so there is nothing to bring.
    """
    if not _quiet(found, state, now, config.settle_s):
        return "restless"
    if found.size and _complete(found):
        return "ready"
    believed = found.mtime >= _BELIEVABLE  # a camera whose clock was never set writes 1970 into a growing file, too
    if not _quiet(found, state, now, config.truncated_after_s, believed):
        return "cut"
    return "ready" if found.size else "empty"


def _quiet(found: Found, state: State, now: float, wanted_s: float, believed: bool = True) -> bool:
    if believed and steady(state, now, wanted_s) and settled(found, now, None, wanted_s):
        return True
    return settled(found, now, now - state.quiet_for(found, boot(), time.monotonic()), wanted_s)


def _complete(found: Found) -> bool:
    """Whether nothing is seen to be missing from a file; also of one that cannot be opened: bringing it will tell."""
    from impp_edge import boxes

    try:
        with found.path.open("rb") as file:
            return not boxes.integrity(file, found.path.name, found.size).is_cut
    except OSError:
        return True


def steady(state: State, now: float, for_s: float) -> bool:
    """Whether our clock was not set in the last ``for_s`` seconds, as far as this and earlier runs saw."""
    uptime = time.monotonic()
    offset = now - uptime
    noted = (state.get("clock") or "").split()
    if len(noted) != 4 or noted[0] != boot():
        state.set("clock", f"{boot()} {offset!r} {uptime!r} -inf")
        return True
    last, seen, jumped = map(float, noted[1:])
    moved = abs(offset - last)
    if moved > JUMP_S + SLEW * (uptime - seen):
        jumped = uptime
    if moved > JUMP_S / 4:
        state.set("clock", f"{boot()} {offset!r} {uptime!r} {jumped!r}")
    return uptime - jumped >= for_s


@cache
def boot() -> str:
    """What tells this boot of the computer from others, in one word."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (
        OSError
    ):  # not Linux: the minute of the boot, which a clock that is set changes too; watching begins anew then
        return str(int((time.time() - time.monotonic()) // 60))
