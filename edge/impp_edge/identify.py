"""From a found file to what S3 is told: its key, tags and metadata. Pure, but for a look at the head of the file.

Times come from the file name, then the container, then the file's modification time: the first that is plausible. They
are kept as local time with its offset; the tag says the same in UTC. A name is kept as it is on the card, except that
control characters, which S3 tools choke on, are percent-encoded in the key.
"""

from __future__ import annotations

import os
import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, quote_from_bytes

from impp_edge import __version__
from impp_edge.cameras import EARLIEST, Recognised, recognise, recording_by_folder
from impp_edge.config import Folder

if TYPE_CHECKING:
    from impp_edge.digest import Digest

METADATA_BYTES = 2048
"""Most bytes of an object's own metadata, names and values together."""
PATH_BYTES = 1024
"""Most bytes of ``original-name``, so that the rest of the metadata fits beside it."""
_UNSET = datetime(1970, 1, 2, tzinfo=UTC)
"""The least time a file can have: a clock that was never set says so, in whatever zone it is read."""
_MP4_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_MAGIC: tuple[tuple[int, bytes], ...] = (
    (4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free"), (4, b"skip"),  # MP4, QuickTime, HEIC, AVIF
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "), (8, b"WAVE"), (8, b"WEBP"),
    (0, b"\x00\x00\x01\xba"), (0, b"\x00\x00\x01\xb3"),  # MPEG program and video stream
    (0, b"OggS"), (0, b"fLaC"), (0, b"ID3"), (0, b"#!AMR"), (0, b"FLV\x01"),
    (0, b"\xff\xd8\xff"), (0, b"\x89PNG\r\n\x1a\n"), (0, b"GIF8"), (0, b"II*\x00"), (0, b"MM\x00*"),
)  # fmt: skip
_EXTENSIONS = re.compile(
    r"\.(mp4|m4v|mov|qt|mkv|webm|avi|m?ts|m2ts|mpe?g|3gp|wmv|flv|insv|360"
    r"|mp3|m4a|wav|flac|ogg|opus|amr|aac|jpe?g|png|hei[cf]|webp|gif|tiff?|dng)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Identity:
    """What a file is: ``captured`` aware, as the camera's wall clock said; ``captured_from`` filename, container or
    mtime; ``doubt`` says why a better source of time was not believed."""

    source: str
    device: str
    camera: str | None
    recording: str
    captured: datetime
    captured_from: str
    zone: str
    moment: str | None
    doubt: str | None


def identify(folder: Folder, relative: PurePosixPath, mtime: float, head: BinaryIO) -> Identity:
    """What the file at ``relative`` below a folder is; ``head`` is the file itself, open for reading."""
    folders = [*folder.path.parts[-2:], *relative.parts[:-1]]
    known = recognise(folders, relative.name)
    source = folder.source or (known.source if known else None) or _likely_source(relative.name)
    recording = (known.recording if known else None) or (
        (recording_by_folder(folders) or "routine") if source == "dashcam" else "manual"
    )
    captured, captured_from, doubt = _captured(folder, known, mtime, head)
    return Identity(
        source=source,
        device=slug(folder.device or (known.maker if known else "unknown")),
        camera=known.camera if known else None,
        recording=recording,
        captured=captured,
        captured_from=captured_from,
        zone=folder.zone.key if folder.zone else "system",
        moment=known.moment if known else None,
        doubt=doubt,
    )


def is_media(name: str, head: bytes) -> bool:
    """Whether a file of no known camera is footage: by its extension or by the magic number of its first 512 bytes."""
    if _EXTENSIONS.search(name):
        return True
    transport = len(head) > 376 and head[0] == head[188] == head[376] == 0x47
    audio = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
    return transport or audio or any(head[at : at + len(magic)] == magic for at, magic in _MAGIC)


def key(identity: Identity, name: str, suffix: str = "") -> str:
    """``originals/{source}/{device}/{YYYY}/{MM}/{DD}/{filename}``, the date as the camera's clock had it.

    ``suffix`` goes before the extension: it tells files apart that a camera named alike on one day.
    """
    plain = filename(name)
    if suffix:
        stem, dot, extension = plain.rpartition(".")
        plain = f"{stem}~{suffix}{dot}{extension}" if stem else f"{plain}~{suffix}"
    return (
        f"originals/{identity.source}/{identity.device}/{identity.captured.year:04d}/{identity.captured:%m/%d}/{plain}"
    )


def filename(name: str) -> str:
    """A file name fit for a key: UTF-8 text without control characters or slashes (percent-encoded instead)."""
    text = _bytes(name).decode("utf-8", "surrogateescape")
    safe = "".join(quote(c, safe="", errors="surrogateescape") if _unfit(c) else c for c in text)
    return {".": "%2E", "..": "%2E%2E", "": "%00"}.get(safe, safe)


def tags(identity: Identity, digest: Digest, own: Mapping[str, str]) -> dict[str, str]:
    """The object's tags: ours, then the owner's."""
    return {
        "impp:source": identity.source,
        "impp:timestamp": _utc(identity.captured),
        "impp:checksum": digest.sha256,
        **own,
    }


def metadata(identity: Identity, digest: Digest, relative: PurePosixPath) -> dict[str, str]:
    """The object's metadata, all ASCII. ``original-name`` is the path on the card as UTF-8, percent-encoded."""
    values = {
        "sha256": digest.sha256,
        "crc64nvme": digest.crc64nvme,
        "source": identity.source,
        "device": identity.device,
        "camera": identity.camera,
        "recording": identity.recording,
        "captured-at": identity.captured.isoformat(timespec="seconds"),
        "captured-at-from": identity.captured_from,
        "captured-zone": identity.zone,
        "captured-doubt": identity.doubt,
        "moment": identity.moment if identity.moment and identity.moment.isascii() else None,
        "original-name": original_name(relative),
        "edge-version": __version__,
    }
    return {f"impp-{name}": value for name, value in values.items() if value}


def original_name(relative: PurePosixPath) -> str:
    """The path percent-encoded (RFC 3986; ``urllib.parse.unquote`` turns it back), outer folders cut if too long."""
    parts = [quote_from_bytes(_bytes(part), safe="!#$&'()*+,:;=@[]^{}~") for part in relative.parts]
    while len(parts) > 1 and len("/".join(parts)) > PATH_BYTES:
        parts.pop(0)
    return "/".join(parts)[-PATH_BYTES:]


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes, at most 63: a device's name in a key."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:63].strip("-") or "unknown"


def container_time(file: BinaryIO) -> datetime | None:
    """When an MP4 or QuickTime file says it was made (``mvhd``), None where it says nothing or is none."""
    try:
        at, end = _box(file, b"moov", 0, file.seek(0, os.SEEK_END))
        at, end = _box(file, b"mvhd", at, end)
        file.seek(at)
        body = file.read(min(end - at, 12))
        seconds = struct.unpack(">Q", body[4:12])[0] if body[0] == 1 else struct.unpack(">I", body[4:8])[0]
        return _MP4_EPOCH + timedelta(seconds=seconds) if seconds else None
    except (LookupError, struct.error, OverflowError, IndexError, OSError):
        return None


def _box(file: BinaryIO, kind: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of the content of the first box of a kind. Raises LookupError where there is none."""
    for _ in range(1000):
        file.seek(at)
        header = file.read(16)
        if at + 8 > end or len(header) < 8:
            break
        size, start = struct.unpack(">I", header[:4])[0], 8
        if size == 1 and len(header) == 16:
            size, start = struct.unpack(">Q", header[8:])[0], 16
        elif size == 0:
            size = end - at
        if header[4:8] == kind:
            return at + start, min(at + size, end)
        if size < 8:
            break
        at += size
    raise LookupError(kind)


def _captured(
    folder: Folder, known: Recognised | None, mtime: float, head: BinaryIO
) -> tuple[datetime, str, str | None]:
    now = datetime.now(UTC)
    doubt = None
    if known and known.taken:
        taken = known.taken.replace(tzinfo=UTC) if known.utc else _local(known.taken, folder)
        taken = taken.astimezone(folder.zone)
        if plausible(taken, now):
            return taken, "filename", None
        doubt = f"the name says {taken:%Y-%m-%d}"
    if (made := container_time(head)) is not None:
        if plausible(made, now):
            return made.astimezone(folder.zone), "container", doubt
        doubt = doubt or f"the container says {made:%Y-%m-%d}"
    try:
        changed = datetime.fromtimestamp(mtime, UTC)
    except (ValueError, OverflowError, OSError):
        changed = _UNSET
    changed = max(changed, _UNSET)  # never "now": the key must be the same in the next run
    if not plausible(changed, now):
        doubt = f"{doubt}; the file says {changed:%Y-%m-%d}" if doubt else f"the file says {changed:%Y-%m-%d}"
    return _wall(changed, folder), "mtime", doubt


def plausible(moment: datetime, now: datetime) -> bool:
    """Whether a camera's clock can have been right: set at all, and not more than a day ahead."""
    return moment.year >= EARLIEST and moment <= now + timedelta(days=1)


def _wall(moment: datetime, folder: Folder) -> datetime:
    try:
        return moment.astimezone(folder.zone)
    except (OverflowError, ValueError):  # the last hours of the year 9999
        return moment


def _local(taken: datetime, folder: Folder) -> datetime:
    return taken.replace(tzinfo=folder.zone) if folder.zone else taken.astimezone()


def _likely_source(name: str) -> str:
    """Of a name nobody knows: pictures and films that people make are kept as a phone's."""
    return "dashcam" if re.search(r"dash|drive|cam[ _-]?(front|rear)", name, re.IGNORECASE) else "phone"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _unfit(character: str) -> bool:
    return character in "/\\" or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character == "\ufffe"


def _bytes(name: str) -> bytes:
    """The bytes of a file name as the file system has them."""
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:  # half a surrogate pair, as Windows allows it
        return name.encode("utf-8", "surrogatepass")
