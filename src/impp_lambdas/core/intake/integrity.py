"""Is this the file that was sent, and is it media at all? Each answer is a :class:`Problem` or nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from impp_lambdas.core.intake import containers

REASONS = ("gone", "empty", "checksum_mismatch", "not_media", "truncated", "corrupt", "no_streams")


@dataclass(frozen=True)
class Problem:
    """Why an object cannot be processed: one of :data:`REASONS`, and the detail in words."""

    reason: str
    detail: str


def check_sum(head: Mapping[str, Any], metadata: Mapping[str, str]) -> Problem | None:
    """Compare what S3 computed over the whole object with what the sender wrote into the metadata.

    ``head`` is HeadObject's answer with ``ChecksumMode=ENABLED``. Only full-object values can be compared: a composite
    one depends on the part size. Where one side says nothing there is nothing to compare.
    """
    if head.get("ChecksumType") == "COMPOSITE":
        return None
    told, found = metadata.get("crc64nvme"), head.get("ChecksumCRC64NVME")
    if told and found and told != found:
        return Problem("checksum_mismatch", f"CRC-64/NVME is {found}, the sender computed {told}")
    told_hex, found_base64 = metadata.get("sha256"), head.get("ChecksumSHA256")
    if told_hex and found_base64 and told_hex.lower() != _hex(found_base64):
        return Problem("checksum_mismatch", f"SHA-256 is {_hex(found_base64)}, the sender computed {told_hex}")
    return None


@dataclass(frozen=True)
class Examined:
    """``container`` as sniffed, ``created`` as the container says (UTC), and what is wrong, if anything."""

    container: str
    created: datetime | None
    problem: Problem | None


def examine(read: containers.Read, size: int) -> Examined:
    """Truncation and disguise, by the first bytes and an MP4's boxes, in a handful of small reads."""
    if size == 0:
        return Examined("", None, Problem("empty", "the object has no bytes"))
    head = read(0, containers.HEAD_BYTES)
    container = containers.sniff(head)
    if container is None:
        return Examined("", None, Problem("not_media", f"begins with {head[:8].hex(' ')}, which no media format does"))
    created, damage = None, None
    if container == "mp4":
        movie = containers.walk_mp4(read, size)
        created, damage = movie.created, movie.damage
    elif container in ("avi", "wave"):
        damage = containers.riff_damage(head, size)
    return Examined(container, created, Problem("truncated", damage) if damage else None)


def _hex(base64_text: str) -> str:
    return base64.b64decode(base64_text).hex()
