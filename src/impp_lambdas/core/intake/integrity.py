"""Checks that an object is the file that was sent, complete, and media."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from impp_footage import boxes, formats, movies, references, second_recording, tables
from impp_footage.reader import BudgetExceeded

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader

REASONS = (
    *("gone", "empty", "archived", "checksum_mismatch", "not_media", "truncated", "corrupt", "no_streams"),
    *("read_limit", "implausible", "contradiction", "encrypted", "reference", "copies"),
)

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"})
"""Storage classes, and tiers of Intelligent-Tiering, that cannot be read at once."""


@dataclass(frozen=True)
class Problem:
    """Why an object cannot be processed: one of :data:`REASONS`, and a detail for people."""

    reason: str
    detail: str


def compare_checksums(head: Mapping[str, Any], metadata: Mapping[str, str]) -> Problem | None:
    """Compare S3's checksum of the whole object with the sender's in the metadata, if both exist.

    `head` is HeadObject's response with `ChecksumMode=ENABLED`. A composite checksum depends on the part size, so only
    full-object checksums are compared.
    """
    if head.get("ChecksumType") == "COMPOSITE":
        return None
    claimed, actual = metadata.get("crc64nvme"), head.get("ChecksumCRC64NVME")
    if claimed and actual and claimed != actual:
        return Problem("checksum_mismatch", f"CRC-64/NVME is {actual}, the sender computed {claimed}")
    claimed, actual = metadata.get("sha256"), head.get("ChecksumSHA256")
    if claimed and actual and claimed.lower() != _hex(actual):
        return Problem("checksum_mismatch", f"SHA-256 is {_hex(actual)}, the sender computed {claimed}")
    return None


def find_archived(head: Mapping[str, Any]) -> Problem | None:
    """The problem of an object that S3 does not read out until it is restored; `head` is HeadObject's response.

    GetObject fails with InvalidObjectState for the storage classes GLACIER and DEEP_ARCHIVE, and for
    Intelligent-Tiering in an archive tier (S3's API reference, HeadObject: `StorageClass`, `ArchiveStatus`,
    `Restore`).
    """
    where = head.get("ArchiveStatus") or head.get("StorageClass")
    is_restored = 'ongoing-request="false"' in head.get("Restore", "")
    if where not in ARCHIVES or is_restored:
        return None
    return Problem("archived", f"storage class {where}; `impp replay` restores it and processes it then")


@dataclass(frozen=True)
class Examination:
    """Format by the first bytes, creation time (UTC) according to the container, and the problem, if any. `usable`: the
    bytes from the start that are whole, if something incomplete follows them, or another recording, from `further_at`
    on.
    """

    container: str
    created: datetime | None
    problem: Problem | None
    usable: int | None = None
    further_at: int | None = None


def examine(file: RangeReader) -> Examination:
    """Detect truncated files, and files that are not media, with a few small reads of the head and an MP4's boxes."""
    if file.size == 0:
        return Examination("", None, Problem("empty", "0 bytes"))
    head = file.read(0, formats.HEAD_BYTES)
    container = formats.sniff(head)
    if container is None:
        return Examination("", None, Problem("not_media", f"it holds {formats.other_kind(head)}"))
    if container == "mp4":
        return _examine_movie(file)
    integrity = movies.of_riff(head, file.size) if container in ("avi", "wave") else movies.UNKNOWN
    if integrity.is_cut:
        return Examination(container, None, Problem("truncated", str(integrity.reason)))
    another = second_recording.offset(file, container)
    return Examination(container, None, None, another, another)


def _examine_movie(file: RangeReader) -> Examination:
    created = usable = another = None
    try:
        integrity = movies.of_boxes(file, last_fragment=False)
        if integrity.is_cut:
            if integrity.movie and (reason := references.external_media(file, integrity.movie)):
                return Examination("mp4", None, Problem("reference", reason))
            return Examination("mp4", None, Problem("truncated", str(integrity.reason)))
        another = integrity.further_at or second_recording.offset(file, "mp4")
        usable = another or integrity.usable
        if integrity.movie:
            created = boxes.created(file, integrity.movie)
            if excess := tables.excess(file, integrity.movie):
                return Examination("mp4", created, Problem("corrupt", excess))
            if tables.is_encrypted(file, integrity.movie):
                return Examination("mp4", created, Problem("encrypted", "as its tracks state"))
    except BudgetExceeded as error:
        return Examination("mp4", created, Problem("read_limit", str(error)))
    return Examination("mp4", created, None, usable, another)


def _hex(base64_text: str) -> str:
    return base64.b64decode(base64_text).hex()
