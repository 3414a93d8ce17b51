"""Tell which files are still being written, and which were cut short: never take the one, always bring the other.

A file is quiet when nobody has written to it for a while, by its own time or, where a clock cannot be believed, by our
own watching it. Our clock may be set while we run (a small computer without a battery learns the time from the
network), so watching goes by the uptime, and a file's own time is judged for a while by the clock as it was.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from impp_edge.card.find import Found
from impp_edge.config import Config
from impp_edge.memory import clock
from impp_footage.cameras import EARLIEST

if TYPE_CHECKING:
    from impp_edge.memory.state import State

_BELIEVABLE = datetime(EARLIEST, 1, 1, tzinfo=UTC).timestamp()

Readiness = Literal["ready", "restless", "cut", "empty"]


def ready(found: Found, state: State, now: float, config: Config) -> Readiness:
    """Whether a file can be taken at ``now`` (seconds since 1970).

    ``ready``: it can, as it is. ``restless``: not quiet for ``settle_s`` yet. ``cut``: quiet, but its boxes are not
    complete (or it has no bytes), so perhaps its writer pauses; once it was quiet for ``truncated_after_s`` it is ready
    all the same. ``empty``: no bytes in all that time, so there is nothing to upload.
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
    """Whether nobody has written for ``wanted_s`` seconds: by the file's own time where that is ``believed`` and past,
    else (a camera's clock may run ahead of ours) by how long we have seen it unchanged."""
    now = clock.at_least(state, now, wanted_s)
    if wanted_s <= 0 or (believed and found.mtime + wanted_s <= now):
        return True
    return state.quiet_for(found, clock.boot(), time.monotonic()) >= wanted_s


def _complete(found: Found) -> bool:
    """Whether nothing is seen to be missing from a file; also of one that cannot be opened: uploading it will tell."""
    from impp_footage import reader
    from impp_footage.integrity import integrity

    try:
        with found.path.open("rb") as file:
            return not integrity(reader.of_file(file, found.size), found.path.name).is_cut
    except OSError:
        return True
