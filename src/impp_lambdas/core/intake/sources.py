"""Infers where an original comes from and when it was recorded: from key, metadata, file name, container, upload time.

IAM fences what a box may write by key, so the key decides source and device, and metadata may only add to it. An object
needs no metadata of ours. What remains unknown gets the safest value: a recording of unknown source is kept
like that of a phone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from impp_footage import cameras
from impp_footage.slug import slug
from impp_lambdas.core.intake.facts import Origin
from impp_lambdas.core.times import iso

SOURCES = ("dashcam", "phone", "creator")
RECORDINGS = ("routine", "event", "parking", "manual")
CLOCKS = ("filename", "event", "container", "gps", "mtime")
"""Where an uploader may say that a capture time comes from."""

_PREFIX = "impp-"
_KEY = re.compile(r"originals/(dashcam|phone|creator)/([^/]+)/(?:(\d{4})/(\d{2})/(\d{2})/)?(.+)", re.DOTALL)
_ZONES = timedelta(days=2)
"""From the start of the key's day to a capture time on it in any time zone."""
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""Films and pictures that were digitised may be old."""


def own_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The `impp-*` entries of an object's metadata without the prefix; empty ones are left out."""
    return {k.lower().removeprefix(_PREFIX): v for k, v in metadata.items() if k.lower().startswith(_PREFIX) and v}


def infer(key: str, own: Mapping[str, str], created: datetime | None, uploaded: datetime) -> Origin:
    """Infer the origin of an object from :func:`own_metadata`, the container's creation time and the upload time."""
    match = _KEY.match(key)
    key_source, key_device = (match[1], match[2]) if match else (None, None)
    path = unquote(own.get("original-name", "")) or (match[6] if match else key.removeprefix("originals/"))
    named = _recognise(path) or _recognise(key.removeprefix("originals/"))
    source = _one_of(SOURCES, key_source, own.get("source"), named.source if named else None) or "phone"
    recording = _one_of(RECORDINGS, own.get("recording"), named.recording if named else None)
    captured_at, captured_at_from = _captured_at(own, named, created, match, uploaded)
    return Origin(
        source=source,
        device=slug(key_device or own.get("device") or (named.maker if named else "") or "unknown"),
        camera=own.get("camera") or (named.camera if named else None),
        recording=recording or ("routine" if source == "dashcam" else "manual"),
        captured_at=iso(captured_at),
        captured_at_from=captured_at_from,
    )


def contradiction(key: str, own: Mapping[str, str]) -> str | None:
    """In what an object's metadata contradicts its key, in words; None if in nothing.

    The key's day is the camera's own (docs/reference/contracts.md). A day more or less may come from a time zone.
    """
    match = _KEY.match(key)
    if match is None:
        return None
    if (source := own.get("source")) and source != match[1]:
        return f"its metadata names the source {source}, its key {match[1]}"
    if (device := own.get("device")) and slug(device) != slug(match[2]):
        return f"its metadata names the device {slug(device)}, its key {slug(match[2])}"
    day, captured = _day(match), _parse(own.get("captured-at"))
    if day and captured and abs(captured.replace(tzinfo=day.tzinfo) - day) > _ZONES:
        return f"its metadata says that it was captured on {captured:%Y-%m-%d}, its key {day:%Y-%m-%d}"
    return None


def _recognise(path: str) -> cameras.Recognised | None:
    *folders, name = path.split("/")
    return cameras.recognise(folders, name)


def _captured_at(
    own: Mapping[str, str],
    named: cameras.Recognised | None,
    created: datetime | None,
    match: re.Match[str] | None,
    uploaded: datetime,
) -> tuple[datetime, str]:
    candidates = (
        (_parse(own.get("captured-at")), _one_of(CLOCKS, own.get("captured-at-from")) or "filename"),
        (named.taken if named else None, "filename"),
        (created if created and created >= datetime(2000, 1, 1, tzinfo=UTC) else None, "container"),
        (_day(match) if match else None, "key"),
    )
    # Beyond these the index would have a month of its own for any year that a file claims.
    latest = uploaded + _ZONES
    for moment, origin in candidates:
        if moment and _EARLIEST <= moment.replace(tzinfo=moment.tzinfo or UTC) <= latest:
            return moment, origin
    return uploaded, "upload"


def _day(match: re.Match[str]) -> datetime | None:
    return cameras.clock("".join(match.group(3, 4, 5)), "000000") if match[3] else None


def _parse(text: str | None) -> datetime | None:
    """A time in metadata; None for none, and for one that UTC does not have."""
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _one_of(allowed: tuple[str, ...], *candidates: str | None) -> str | None:
    return next((c for c in candidates if c in allowed), None)
