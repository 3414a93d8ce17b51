"""What S3 says about an object before it is read: whether it can be, and whether it is what was sent."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from impp_lambdas.core.intake.problems import Problem

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"})
"""Storage classes, and tiers of Intelligent-Tiering, that cannot be read at once."""


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


def _hex(base64_text: str) -> str:
    return base64.b64decode(base64_text).hex()
