"""Infers where an original comes from and when it was recorded: from metadata, key, file name, container, upload time.

An object needs no metadata of ours. What remains unknown gets the safest value: a recording of unknown source is kept
like that of a phone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from impp_footage import cameras
from impp_footage.slug import slug
from impp_lambdas.core.intake.facts import Origin
from impp_lambdas.core.times import iso

SOURCES = ("dashcam", "phone", "creator")
RECORDINGS = ("routine", "event", "parking", "manual")

_PREFIX = "impp-"
_KEY = re.compile(r"originals/(dashcam|phone|creator)/([^/]+)/(?:(\d{4})/(\d{2})/(\d{2})/)?(.+)", re.DOTALL)


def own_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The `impp-*` entries of an object's metadata without the prefix; empty ones are left out."""
    return {k.lower().removeprefix(_PREFIX): v for k, v in metadata.items() if k.lower().startswith(_PREFIX) and v}


def infer(key: str, own: Mapping[str, str], created: datetime | None, uploaded: datetime) -> Origin:
    """Infer the origin of an object from :func:`own_metadata`, the container's creation time and the upload time."""
    match = _KEY.match(key)
    key_source, key_device = (match[1], match[2]) if match else (None, None)
    path = unquote(own.get("original-name", "")) or (match[6] if match else key.removeprefix("originals/"))
    named = _recognise(path) or _recognise(key.removeprefix("originals/"))
    source = _one_of(SOURCES, own.get("source"), key_source, named.source if named else None) or "phone"
    recording = _one_of(RECORDINGS, own.get("recording"), named.recording if named else None)
    captured_at, captured_at_from = _captured_at(own, named, created, match, uploaded)
    return Origin(
        source=source,
        device=slug(own.get("device") or key_device or (named.maker if named else "") or "unknown"),
        camera=own.get("camera") or (named.camera if named else None),
        recording=recording or ("routine" if source == "dashcam" else "manual"),
        captured_at=iso(captured_at),
        captured_at_from=captured_at_from,
    )


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
    if claimed := _parse(own.get("captured-at")):
        return claimed, own.get("captured-at-from") or "filename"
    if named and named.taken:
        return named.taken, "filename"
    if created and datetime(2000, 1, 1, tzinfo=UTC) <= created <= uploaded:
        return created, "container"
    if match and match[3] and (day := cameras.clock("".join(match.group(3, 4, 5)), "000000")):
        return day, "key"
    return uploaded, "upload"


def _parse(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _one_of(allowed: tuple[str, ...], *candidates: str | None) -> str | None:
    return next((c for c in candidates if c in allowed), None)
