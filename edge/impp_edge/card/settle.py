"""Distinguish files that are still being written from truncated ones: never upload the former, always the latter.

A file is quiet when nobody has written to it for a while, by its modification time or, if a clock cannot be trusted, by
our own observation. Our clock may be set while we run (a small computer without a battery gets the time from the
network), so observation uses the uptime, and for a while a file's time is compared with the clock as it was before.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from impp_edge.card.find import CardFile, open_file
from impp_edge.config import Config
from impp_edge.memory import clock
from impp_footage.cameras import EARLIEST

if TYPE_CHECKING:
    from impp_edge.memory.state import State

_BELIEVABLE = datetime(EARLIEST, 1, 1, tzinfo=UTC).timestamp()

Readiness = Literal["ready", "restless", "cut", "empty"]


def ready(card_file: CardFile, state: State, now: float, config: Config) -> Readiness:
    """Whether a file can be uploaded at ``now`` (seconds since 1970).

    ``ready``: it can, as it is. ``restless``: not quiet for ``settle_s`` yet. ``cut``: quiet, but its boxes are
    incomplete (or it is empty), so its writer may have paused; after ``truncated_after_s`` without change it is ready
    anyway. ``empty``: still no bytes after that time, so there is nothing to upload.
    """
    if not _quiet(card_file, state, now, config.settle_s):
        return "restless"
    if card_file.size and _complete(card_file):
        return "ready"
    trusted = card_file.mtime >= _BELIEVABLE  # a camera whose clock was never set writes 1970 into a growing file, too
    if not _quiet(card_file, state, now, config.truncated_after_s, trusted):
        return "cut"
    return "ready" if card_file.size else "empty"


def _quiet(card_file: CardFile, state: State, now: float, quiet_s: float, trusted: bool = True) -> bool:
    """Whether nobody has written for ``quiet_s`` seconds: by the file's time if that is ``trusted`` and past,
    else (a camera's clock may run ahead of ours) by how long we have seen it unchanged."""
    now = clock.at_least(state, now, quiet_s)
    if quiet_s <= 0 or (trusted and card_file.mtime + quiet_s <= now):
        return True
    return state.quiet_for(card_file, clock.boot(), time.monotonic()) >= quiet_s


def _complete(card_file: CardFile) -> bool:
    """Whether a file appears complete; also true if it cannot be opened, which its upload reports."""
    from impp_footage import reader
    from impp_footage.integrity import integrity

    try:
        with open_file(card_file) as file:
            return not integrity(reader.of_file(file, card_file.size), card_file.names[-1]).is_cut
    except OSError:
        return True
