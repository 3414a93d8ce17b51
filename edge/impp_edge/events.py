"""What commands report: events, and how their values read.

An event is a plain dictionary with its kind under ``event``; :mod:`impp_edge.run.sync` lists the kinds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Reporter = Callable[[Event], None]


def size(count: float) -> str:
    """Format a number of bytes with a decimal unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Format a duration: ``40 s``, ``12 min``, ``3 h 10 min``, ``5 days``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


def shown(path: str | bytes | os.PathLike[str]) -> str:
    """A path as text that fits into JSON; bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """Escape characters that would move the cursor or break the line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
