"""When a file was captured: as the name says, else the container, else the satellites, else the file system.

The first that is plausible counts. It is kept as local time with its offset, as the camera's clock wrote it. What
speaks against it is said beside it, never silently mended: a source that was not believed, satellites that tell
another time, an hour that a zone has twice or not at all.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from impp_edge.config import Folder
from impp_footage import boxes, exif, gps
from impp_footage.cameras import EARLIEST, Recognised
from impp_footage.reader import RangeReader

TOLERANCE = timedelta(minutes=2)
"""How far a camera's clock may be from the satellites' without a word: set by hand, and the first fix takes a while."""
SIDECAR_BYTES = 64 * 1024
"""Most bytes that are read of a file beside: ``event.json`` has some 300, the first minute of NMEA 16 K."""
_UNSET = datetime(1970, 1, 2, tzinfo=UTC)
"""The least time a file can have: a clock that was never set says so, in whatever zone it is read."""


@dataclass(frozen=True, slots=True)
class Captured:
    """``at`` aware; ``source`` filename, event (Tesla's ``event.json``), container, gps or mtime; ``zone`` in which a
    clock without one was read; ``doubt`` in words, None where nothing speaks against it."""

    at: datetime
    source: str
    zone: str
    doubt: str | None


def captured(
    folder: Folder, relative: PurePosixPath, known: Recognised | None, mtime: float, file: RangeReader
) -> Captured:
    """When the open ``file`` at ``relative`` was captured. Raises OSError where it cannot be read."""
    now = datetime.now(UTC)
    picture = exif.taken(file)
    fix = _believed(_satellites(folder.path / relative, known, picture, file), now)
    doubts: list[str] = []
    for source, clock in _clocks(folder.path / relative, known, picture, file):
        at, doubt = placed(clock, folder.zone, fix)
        if plausible(at, now):
            said = [*doubts, doubt, _against(source, at, fix)]
            return Captured(at, source, _zone(folder), "; ".join(d for d in said if d) or None)
        doubts.append(f"the {_WORDS[source]} says {at:%Y-%m-%d}")
    if (fix := fix or _believed(gps.unlisted_fix(file), now)) is not None:
        return Captured(_wall(fix, folder.zone), "gps", _zone(folder), "; ".join(doubts) or None)
    changed = _changed(mtime)
    if not plausible(changed, now):
        doubts.append(f"the file says {changed:%Y-%m-%d}")
    return Captured(_wall(changed, folder.zone), "mtime", _zone(folder), "; ".join(doubts) or None)


def plausible(moment: datetime, now: datetime) -> bool:
    """Whether a camera's clock can have been right: set at all, and not more than a day ahead."""
    return moment.year >= EARLIEST and moment <= now + timedelta(days=1)


def _believed(fix: datetime | None, now: datetime) -> datetime | None:
    return fix if fix is not None and plausible(fix, now) else None


def placed(clock: datetime, zone: ZoneInfo | None, fix: datetime | None = None) -> tuple[datetime, str | None]:
    """A camera's clock with its offset in a zone (None: the system's), and a doubt about an hour that is not unique.

    A clock in :data:`datetime.UTC` is shown as the zone's, one with an offset of its own as it is. Of an hour that came
    twice, the one nearer to the satellites' ``fix`` counts, else the first, with a doubt; one that never came keeps the
    offset before it.
    """
    if clock.tzinfo is UTC:
        return _wall(clock, zone), None
    if clock.tzinfo is not None:
        return clock, None
    first, second = (_offset(clock, zone, fold) for fold in (0, 1))
    if first == second:
        return first, None
    if first > second:
        return first, f"{clock:%H:%M} did not come that day: the clocks were put forward over it"
    if fix is not None:
        return min(first, second, key=lambda one: abs(one - fix)), None
    return first, f"{clock:%H:%M} came twice that day: the clocks were put back; taken as the first"


def _offset(clock: datetime, zone: ZoneInfo | None, fold: int) -> datetime:
    """The clock as written, with its offset as a fixed one."""
    try:
        read = clock.replace(fold=fold)
        seconds = (
            read.replace(tzinfo=zone) if zone else read
        ).timestamp()  # astimezone() gets an hour that never came wrong
        instant = datetime.fromtimestamp(seconds, UTC)
        return clock.replace(tzinfo=timezone(clock - instant.replace(tzinfo=None)))
    except (OverflowError, ValueError, OSError):  # the edges of the calendar
        return clock.replace(tzinfo=UTC)


_WORDS = {"filename": "name", "event": "event.json", "container": "container"}


def _clocks(
    path: Path, known: Recognised | None, picture: exif.Taken, file: RangeReader
) -> Iterator[tuple[str, datetime]]:
    """Where a time is written, in the order of belief: naive is a wall clock, aware is told with its offset."""
    if known and known.maker == "tesla" and known.camera is None and (told := _of_event(path, file)) is not None:
        yield "event", told
    if known and known.taken:
        yield "filename", known.taken.replace(tzinfo=UTC) if known.utc else known.taken
    if picture.local is not None:
        yield "container", picture.local.replace(tzinfo=picture.offset)
    elif (made := boxes.created(file)) is not None:
        yield "container", made


def _satellites(path: Path, known: Recognised | None, picture: exif.Taken, file: RangeReader) -> datetime | None:
    if picture.gps is not None or picture.local is not None:
        return picture.gps
    if known and known.maker == "blackvue":
        if path.suffix.lower() == ".gps":
            return gps.nmea(file.read(0, gps.TEXT))
        return gps.first_fix(file) or gps.nmea(_beside(path, path.name[: len("20260115_081502_N")] + ".gps"))
    return gps.first_fix(file)


def _of_event(path: Path, file: RangeReader) -> datetime | None:
    """The time in the ``event.json`` of a Tesla event: local, without a zone, such as ``2026-01-15T08:16:30``."""
    own = path.name.lower() == "event.json"
    text = file.read(0, SIDECAR_BYTES) if own else _beside(path, "event.json")
    try:
        event = json.loads(text)
        return datetime.fromisoformat(event["timestamp"]).replace(microsecond=0)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _beside(path: Path, name: str) -> bytes:
    """The head of a regular file in the same folder; empty where there is none that can be read."""
    try:
        handle = os.open(path.with_name(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b""
    with open(handle, "rb") as file:  # noqa: PTH123  # a pipe or device of that name must not be waited for
        try:
            return file.read(SIDECAR_BYTES) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
        except OSError:
            return b""


def _against(source: str, at: datetime, fix: datetime | None) -> str | None:
    """What the satellites say against a time; a difference of whole half hours is a matter of the zone."""
    if fix is None or abs(at - fix) <= TOLERANCE:
        return None
    half = timedelta(minutes=30)
    rest = abs(at - fix) % half
    zonal = abs(at - fix) <= timedelta(hours=14) and min(rest, half - rest) <= TOLERANCE
    hint = " (zone or summer time?)" if zonal else ""
    return f"the {_WORDS[source]} says {at.isoformat()}, GPS {fix:%Y-%m-%dT%H:%M:%SZ}{hint}"


def _changed(mtime: float) -> datetime:
    try:
        changed = datetime.fromtimestamp(mtime, UTC)
    except (ValueError, OverflowError, OSError):
        changed = _UNSET
    return max(changed, _UNSET)  # never "now": the key must be the same in the next run


def _wall(moment: datetime, zone: ZoneInfo | None) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):  # the last hours of the year 9999
        return moment


def _zone(folder: Folder) -> str:
    return folder.zone.key if folder.zone else "system"
