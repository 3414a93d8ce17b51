"""When a file was captured: from its name, else the container, else GPS, else the file system.

The first plausible time counts. It is kept as local time with its offset, as the camera's clock wrote it. Doubts are
reported beside it and never silently corrected: a source that is implausible, GPS that disagrees, an hour that a zone
has twice or not at all.
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
"""How far a camera's clock may be from GPS without a doubt: it is set by hand, and the first fix takes a while."""
SIDECAR_BYTES = 64 * 1024
"""Most bytes read of a sidecar: ``event.json`` has some 300, the first minute of NMEA 16 K."""
_UNSET = datetime(1970, 1, 2, tzinfo=UTC)
"""The earliest time a file can have: a clock that was never set shows it, in whatever zone it is read."""


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """``at`` is aware; ``source`` filename, event (Tesla's ``event.json``), container, gps or mtime; ``zone`` the one
    in which a clock without a zone was read; ``doubt`` in words, None if there is none."""

    at: datetime
    source: str
    zone: str
    doubt: str | None


def capture_time(
    folder: Folder, relative: PurePosixPath, known: Recognised | None, mtime: float, file: RangeReader
) -> CaptureTime:
    """When the open ``file`` at ``relative`` was captured. Raises OSError if it cannot be read."""
    now = datetime.now(UTC)
    picture = exif.read_time(file)
    fix = _if_plausible(_satellites(folder.path / relative, known, picture, file), now)
    doubts: list[str] = []
    for source, clock in _clocks(folder.path / relative, known, picture, file):
        at, doubt = localize(clock, folder.zone, fix)
        if is_plausible(at, now):
            reasons = [*doubts, doubt, _disagreement(source, at, fix)]
            return CaptureTime(at, source, _zone(folder), "; ".join(d for d in reasons if d) or None)
        doubts.append(f"the {_WORDS[source]} says {at:%Y-%m-%d}")
    if (fix := fix or _if_plausible(gps.unlisted_fix(file), now)) is not None:
        return CaptureTime(_wall(fix, folder.zone), "gps", _zone(folder), "; ".join(doubts) or None)
    modified = _modified(mtime)
    if not is_plausible(modified, now):
        doubts.append(f"the file says {modified:%Y-%m-%d}")
    return CaptureTime(_wall(modified, folder.zone), "mtime", _zone(folder), "; ".join(doubts) or None)


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Whether a camera's clock can have been right: set at all, and not more than a day ahead."""
    return moment.year >= EARLIEST and moment <= now + timedelta(days=1)


def _if_plausible(fix: datetime | None, now: datetime) -> datetime | None:
    return fix if fix is not None and is_plausible(fix, now) else None


def localize(clock: datetime, zone: ZoneInfo | None, fix: datetime | None = None) -> tuple[datetime, str | None]:
    """A camera's clock with its offset in a zone (None: the system's), and a doubt about an hour that is not unique.

    A clock in :data:`datetime.UTC` is converted to the zone; one with an offset of its own is kept. Of an hour that
    occurs twice, the one nearer to the GPS ``fix`` counts, else the first, with a doubt; one that never occurs keeps
    the offset before it.
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
    path: Path, known: Recognised | None, picture: exif.PictureTime, file: RangeReader
) -> Iterator[tuple[str, datetime]]:
    """Recorded times, the most trustworthy first: naive is a wall clock, aware has its offset."""
    if (
        known
        and known.maker == "tesla"
        and known.camera is None
        and (event_time := _event_time(path, file)) is not None
    ):
        yield "event", event_time
    if known and known.taken:
        yield "filename", known.taken.replace(tzinfo=UTC) if known.utc else known.taken
    if picture.local is not None:
        yield "container", picture.local.replace(tzinfo=picture.offset)
    elif (created := boxes.created(file)) is not None:
        yield "container", created


def _satellites(path: Path, known: Recognised | None, picture: exif.PictureTime, file: RangeReader) -> datetime | None:
    if picture.gps is not None or picture.local is not None:
        return picture.gps
    if known and known.maker == "blackvue":
        if path.suffix.lower() == ".gps":
            return gps.nmea(file.read(0, gps.TEXT))
        return gps.first_fix(file) or gps.nmea(_beside(path, path.name[: len("20260115_081502_N")] + ".gps"))
    return gps.first_fix(file)


def _event_time(path: Path, file: RangeReader) -> datetime | None:
    """The time in the ``event.json`` of a Tesla event: local, without a zone, such as ``2026-01-15T08:16:30``."""
    own = path.name.lower() == "event.json"
    text = file.read(0, SIDECAR_BYTES) if own else _beside(path, "event.json")
    try:
        event = json.loads(text)
        return datetime.fromisoformat(event["timestamp"]).replace(microsecond=0)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _beside(path: Path, name: str) -> bytes:
    """The head of a regular file in the same folder; empty if there is none that can be read."""
    try:
        handle = os.open(path.with_name(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b""
    with open(handle, "rb") as file:  # noqa: PTH123  # a pipe or device of that name must not be waited for
        try:
            return file.read(SIDECAR_BYTES) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
        except OSError:
            return b""


def _disagreement(source: str, at: datetime, fix: datetime | None) -> str | None:
    """How GPS contradicts a time; a difference of whole half hours is a matter of the zone."""
    if fix is None or abs(at - fix) <= TOLERANCE:
        return None
    half = timedelta(minutes=30)
    rest = abs(at - fix) % half
    zonal = abs(at - fix) <= timedelta(hours=14) and min(rest, half - rest) <= TOLERANCE
    hint = " (zone or summer time?)" if zonal else ""
    return f"the {_WORDS[source]} says {at.isoformat()}, GPS {fix:%Y-%m-%dT%H:%M:%SZ}{hint}"


def _modified(mtime: float) -> datetime:
    try:
        modified = datetime.fromtimestamp(mtime, UTC)
    except (ValueError, OverflowError, OSError):
        modified = _UNSET
    return max(modified, _UNSET)  # never "now": the key must be the same in the next run


def _wall(moment: datetime, zone: ZoneInfo | None) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):  # the last hours of the year 9999
        return moment


def _zone(folder: Folder) -> str:
    return folder.zone.key if folder.zone else "system"
