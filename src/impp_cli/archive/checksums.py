"""Checksums of files, as the catalog and S3 state them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

PIECE: Final = 1 << 20


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    return _digest(path, "sha256").hex()


def crc64nvme(path: Path) -> str:
    """The CRC-64/NVME of a file in base64, as S3 states it. Raises OSError."""
    return _crc(path, "CRC64-NVME", 8)


OF_S3: Final[Mapping[str, tuple[str, Callable[[Path], str]]]] = {
    "ChecksumCRC64NVME": ("CRC-64/NVME", crc64nvme),
    "ChecksumSHA256": ("SHA-256", lambda path: base64.b64encode(_digest(path, "sha256")).decode()),
    "ChecksumSHA1": ("SHA-1", lambda path: base64.b64encode(_digest(path, "sha1")).decode()),
    "ChecksumCRC32C": ("CRC-32C", lambda path: _crc(path, "CRC32C", 4)),
    "ChecksumCRC32": ("CRC-32", lambda path: _crc(path, "CRC32", 4)),
}
"""Name and function by the field of HeadObject's response. S3 states the one that the upload had, else CRC-64/NVME (S3
user guide, "Checking object integrity")."""


def stated(head: Mapping[str, Any]) -> dict[str, str]:
    """The checksums of a whole object in HeadObject's response; one of the parts' checksums says nothing of a file."""
    if head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return {}
    return {field: str(head[field]) for field in OF_S3 if head.get(field)}


def _digest(path: Path, algorithm: str) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).digest()


def _crc(path: Path, model: str, length: int) -> str:
    import anycrc  # type: ignore[import-untyped]  # ships no types

    calculate: Callable[[bytes, int], int] = anycrc.Model(model).calc
    value = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            value = calculate(piece, value)
    return base64.b64encode(value.to_bytes(length, "big")).decode()
