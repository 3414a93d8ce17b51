"""From a found file to what S3 is told: its key, tags and metadata. Pure, but for a look into the file.

Times are :mod:`capture`'s, kept as local time with their offset; the tag says the same in UTC. A name is kept
as it is on the card, except that control characters, which S3 tools choke on, are percent-encoded in the key.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, quote_from_bytes

from impp_edge import __version__
from impp_edge.config import Folder
from impp_edge.footage import groups
from impp_edge.footage.boxes import integrity
from impp_edge.footage.cameras import recognise, recording_by_folder
from impp_edge.footage.capture import captured

if TYPE_CHECKING:
    from impp_edge.bucket.digest import Digest

METADATA_BYTES = 2048
"""Most bytes of an object's own metadata, names and values together."""
PATH_BYTES = 1024
"""Most bytes of ``original-name``, so that the rest of the metadata fits beside it."""
DOUBT_BYTES, TRUNCATED_BYTES, GROUP_BYTES = 200, 120, 64
"""Most characters of what is told in words and of a group: beside all others at their longest, a file name of 255 bytes
still fits, percent-encoded."""
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
    """What a file is: ``captured`` aware, as the camera's wall clock said; ``captured_from`` filename, event,
    container, gps or mtime; ``doubt`` says what speaks against that time. ``moment``, ``group`` and ``chapter`` are
    :class:`Recognised`'s; ``truncated`` says what a clip lacks whose end was never written;
    ``sidecar``: it only belongs to a clip (a low-resolution twin that is left alone is a clip)."""

    source: str
    device: str
    camera: str | None
    recording: str
    captured: datetime
    captured_from: str
    zone: str
    moment: str | None
    doubt: str | None
    group: str | None = None
    chapter: int | None = None
    truncated: str | None = None
    sidecar: bool = False


def identify(folder: Folder, relative: PurePosixPath, mtime: float, file: BinaryIO) -> Identity:
    """What the file at ``relative`` below a folder is; ``file`` is it, open for reading. Raises OSError."""
    folders = [*folder.path.parts[-2:], *relative.parts[:-1]]
    name = relative.name
    known = recognise(folders, name)
    source = folder.source or (known.source if known else None) or _likely_source(name)
    recording = (known.recording if known else None) or (
        (recording_by_folder(folders) or "routine") if source == "dashcam" else "manual"
    )
    when = captured(folder, relative, known, mtime, file)
    return Identity(
        source=source,
        device=slug(folder.device or (known.maker if known else "unknown")),
        camera=known.camera if known else None,
        recording=recording,
        captured=when.at,
        captured_from=when.source,
        zone=when.zone,
        moment=known.moment if known else None,
        doubt=when.doubt,
        group=known.group if known else None,
        chapter=known.chapter if known else None,
        truncated=integrity(file, name, file.seek(0, os.SEEK_END)).reason,
        sidecar=_only_belongs(folder, relative, folders),
    )


def _only_belongs(folder: Folder, relative: PurePosixPath, folders: list[str]) -> bool:
    kind = groups.is_sidecar(folders, relative.name)
    beside = (folder.path / relative).parent
    return kind == "data" or (
        kind == "proxy" and any(os.path.lexists(beside / clip) for clip in groups.clip_names(relative.name))
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

    Sidecars go to ``sidecars/``, with their group as one more folder, so that they do not start the pipeline.
    ``suffix`` goes before the extension: it tells files apart that a camera named alike on one day.
    """
    plain = filename(name)
    if suffix:
        stem, dot, extension = plain.rpartition(".")
        plain = f"{stem}~{suffix}{dot}{extension}" if stem else f"{plain}~{suffix}"
    day = f"{identity.source}/{identity.device}/{identity.captured.year:04d}/{identity.captured:%m/%d}"
    return f"sidecars/{day}/{_group_folder(identity, name)}/{plain}" if identity.sidecar else f"originals/{day}/{plain}"


def _group_folder(identity: Identity, name: str) -> str:
    """A group as one plain folder's name, at most :data:`GROUP_BYTES`; the name's stem where there is no group."""
    group = identity.group or name.rpartition(".")[0] or name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", group)[:GROUP_BYTES].strip("-.") or "unnamed"


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


def metadata(
    identity: Identity,
    digest: Digest,
    relative: PurePosixPath,
    sidecars: Sequence[str] = (),
    custody_head: str | None = None,
) -> dict[str, str]:
    """The object's metadata, all ASCII, at most :data:`METADATA_BYTES`.

    ``original-name`` is the path on the card as UTF-8, percent-encoded. ``sidecars`` are keys; they are told as they
    are below ``sidecars/{source}/{device}/``, percent-encoded, with a space between them. Where room is short, the last
    sidecars are left out first, then the outer folders of the path, never the file's name or another value.
    """
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
        "captured-doubt": _short(identity.doubt, DOUBT_BYTES),
        "moment": _short(identity.moment, GROUP_BYTES),
        "group": _short(identity.group, GROUP_BYTES),
        "chapter": str(identity.chapter) if identity.chapter else None,
        "truncated": _short(identity.truncated, TRUNCATED_BYTES),
        "custody": custody_head,
        "edge-version": __version__,
    }
    named = {f"impp-{name}": value for name, value in values.items() if value}
    named["impp-original-name"] = original_name(relative, min(PATH_BYTES, _room(named, "impp-original-name")))
    below = f"sidecars/{identity.source}/{identity.device}/"
    beside = [quote_from_bytes(_bytes(key.removeprefix(below)), safe="/~") for key in sidecars]
    room = _room(named, "impp-sidecars")
    while beside and len(" ".join(beside)) > room:
        beside.pop()
    return {**named, "impp-sidecars": " ".join(beside)} if beside else named


def original_name(relative: PurePosixPath, most: int = PATH_BYTES) -> str:
    """The path percent-encoded (RFC 3986; ``urllib.parse.unquote`` turns it back), outer folders cut if too long."""
    parts = [quote_from_bytes(_bytes(part), safe="!#$&'()*+,:;=@[]^{}~") for part in relative.parts]
    while len(parts) > 1 and len("/".join(parts)) > most:
        parts.pop(0)
    return "/".join(parts)[-most:]


def _room(named: Mapping[str, str], name: str) -> int:
    """Bytes that are left for the value of one more name."""
    return METADATA_BYTES - sum(len(n) + len(v) for n, v in named.items()) - len(name)


def _short(text: str | None, most: int) -> str | None:
    """Printable ASCII, at most so many characters."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text or "").strip()
    return plain if len(plain) <= most else plain[: most - 3].rstrip() + "..."


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes, at most 63: a device's name in a key."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:63].strip("-") or "unknown"


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
