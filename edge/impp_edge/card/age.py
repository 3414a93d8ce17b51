"""The age of an uploaded file, on which retention and forecasts are based."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from impp_footage.cameras import EARLIEST

if TYPE_CHECKING:
    from impp_edge.memory.state import Entry

_CLOCK_SET = datetime(EARLIEST, 1, 1).astimezone().timestamp()
_DAY_S = 86_400.0


def recorded_at(entry: Entry) -> float:
    """When a file was recorded, in seconds since 1970: the later of its capture time and its modification time, as far
    as they are plausible; its upload time where neither is."""
    times = [entry.mtime]
    if entry.about.captured:
        with suppress(ValueError, OverflowError):
            times.append(datetime.fromisoformat(entry.about.captured).timestamp())
    return max((time for time in times if _CLOCK_SET <= time <= entry.at + _DAY_S), default=entry.at)
