"""From an identity to an S3 object's key, tags and metadata.

Times keep the camera's local time with its offset; the tag has the same time in UTC. A name is kept as it is on the
card, except that control characters, which S3 tools choke on, are percent-encoded in the key.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import quote, quote_from_bytes

from impp_edge import __version__
from impp_edge.card.identify import Identity
from impp_edge.digest import Digest

METADATA_BYTES = 2048
"""Most bytes of an object's own metadata, names and values together."""
PATH_BYTES = 1024
"""Most bytes of ``original-name``, so that the rest of the metadata fits beside it."""
DOUBT_BYTES, TRUNCATED_BYTES, GROUP_BYTES = 200, 120, 64
"""Most characters of texts and of a group: with all other values at their longest, a file name of 255 bytes still fits,
percent-encoded."""


def key(identity: Identity, name: str, suffix: str = "") -> str:
    """``originals/{source}/{device}/{YYYY}/{MM}/{DD}/{filename}``, the date as the camera's clock had it.

    Sidecars go to ``sidecars/``, with their group as one more folder, so that they do not start the pipeline.
    ``suffix`` goes before the extension: it distinguishes files to which a camera gave the same name on one day.
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

    ``original-name`` is the path on the card as UTF-8, percent-encoded. ``sidecars`` are keys; they are
    listed relative to ``sidecars/{source}/{device}/``, percent-encoded, separated by spaces. If room is short, the last
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
    """Bytes left for the value of one more name."""
    return METADATA_BYTES - sum(len(n) + len(v) for n, v in named.items()) - len(name)


def _short(text: str | None, most: int) -> str | None:
    """Printable ASCII, at most so many characters."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text or "").strip()
    return plain if len(plain) <= most else plain[: most - 3].rstrip() + "..."


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
