"""When to upload: windows of the week such as ``22:00-06:00``, ``mon-fri 22:00-06:00`` or ``sat,sun 08:00-20:00``.

A window is in local time and belongs to the day on which it begins: ``fri 22:00-06:00`` ends on Saturday morning. When
clocks are put back, the repeated hour counts twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
"""Minutes of a day."""
RIGHT = "write it like 22:00-06:00, mon-fri 22:00-06:00 or sat,sun 08:00-20:00"

_WINDOW = re.compile(r"(?:(?P<days>[a-z,\s-]+?)\s+)?(?P<start>\d\d?:\d\d)\s*-\s*(?P<end>\d\d?:\d\d)", re.ASCII)
_LOOK_AHEAD = 9 * DAY
"""Minutes in which a window of a week must open or close once, however clocks are changed meanwhile."""


@dataclass(frozen=True)
class Window:
    """Open on ``days`` (0 is Monday) from minute ``start`` of the day to ``end``, which may lie in the next day."""

    days: frozenset[int]
    start: int
    end: int

    def holds(self, day: int, minute: int) -> bool:
        """Whether a minute of a day of the week is in this window."""
        today = day in self.days and self.start <= minute < self.end
        return today or ((day - 1) % 7 in self.days and minute + DAY < self.end)


@dataclass(frozen=True)
class Hours:
    """A set of windows; an empty set is always open. ``zone`` None is the computer's local time."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo | None = None

    def is_open(self, now: float) -> bool:
        """Whether ``now``, in seconds since 1970, is in a window."""
        local = datetime.fromtimestamp(now, self.zone)
        day, minute = local.weekday(), local.hour * 60 + local.minute
        return not self.windows or any(window.holds(day, minute) for window in self.windows)

    def next_change(self, now: float) -> float | None:
        """When the windows open or close next, in seconds since 1970; None if they never do.

        Checks every future minute, so changes of the clock need no rule of their own; takes at most about 10 ms.
        """
        is_open = self.is_open(now)
        first = int(now // 60 + 1) * 60
        return next((at for at in range(first, first + _LOOK_AHEAD * 60, 60) if self.is_open(at) != is_open), None)


def parse(*texts: str, zone: tzinfo | None = None) -> Hours:
    """Combine windows written as above. Raises ValueError with the accepted forms."""
    return Hours(tuple(_window(text) for text in texts), zone)


def clock(at: float, now: float, zone: tzinfo | None = None) -> str:
    """Format a future time: ``22:00`` within a day, else ``sat 08:00``."""
    local = datetime.fromtimestamp(at, zone)
    return f"{local:%H:%M}" if at - now < DAY * 60 else f"{DAYS[local.weekday()]} {local:%H:%M}"


def _window(text: str) -> Window:
    match = _WINDOW.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a time window: {RIGHT}")
    start, end = _minute(match["start"], text), _minute(match["end"], text)
    if start == DAY:
        raise ValueError(f"{text!r}: a day begins at 00:00: {RIGHT}")
    if start == end:
        raise ValueError(f"{text!r} begins when it ends: for the whole day write 00:00-24:00")
    return Window(_days(match["days"], text), start, end if end > start else end + DAY)


def _minute(text: str, whole: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > DAY:
        raise ValueError(f"{whole!r}: {text} is not a time of day from 00:00 to 24:00")
    return hour * 60 + minute


def _days(text: str | None, whole: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        names = [_day(name.strip(), whole) for name in part.split("-", 1)]
        start, end = names[0], names[-1]
        days.update((start + i) % 7 for i in range((end - start) % 7 + 1))
    return frozenset(days)


def _day(name: str, whole: str) -> int:
    if name not in DAYS:
        raise ValueError(f"{whole!r}: {name!r} is not a day; use {', '.join(DAYS)}")
    return DAYS.index(name)
