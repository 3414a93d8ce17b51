"""One read of a file for its SHA-256 (identity) and its CRC-64/NVME, of the whole and of each part of an upload.

S3 keeps a CRC-64/NVME of the whole object for any number of parts, and rejects bytes that do not match. Its SHA-256 of
a multipart upload covers the parts' hashes only, so a file needs both.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from impp_edge.stop import Stopped

BLOCK = 1024 * 1024

_POLYNOMIAL = 0x9A6C9329AC4BC9B5  # CRC-64/NVME, reflected (NVM Express Base Specification 2.0)


class Buffer(threading.local):
    """One buffer per thread, kept from file to file; of ``size`` bytes at first."""

    def __init__(self, size: int = 0) -> None:
        self._kept = memoryview(bytearray(size))

    def __call__(self, size: int = 0) -> memoryview:
        """This thread's buffer, of at least ``size`` bytes; its content is lost when it has to grow."""
        if len(self._kept) < size:
            self._kept = memoryview(bytearray(size))
        return self._kept


_buffer = Buffer(BLOCK)


@dataclass(frozen=True)
class Digest:
    """``sha256`` in hex; checksums in base64 as S3 writes them; ``parts`` one per ``part_size`` bytes, at least one."""

    size: int
    sha256: str
    crc64nvme: str
    part_size: int
    parts: tuple[str, ...]


def digest(
    file: BinaryIO, part_size: int, stop: threading.Event | None = None, keep: memoryview | None = None
) -> Digest:
    """Read a file from its current position to its end. ``part_size`` is in bytes. With ``keep``, the bytes are kept in
    that buffer, and reading stops when it is full.

    Raises :class:`Stopped` soon after ``stop`` is set, and OSError if the file cannot be read.
    """
    sha, whole, part, size, left = hashlib.sha256(), 0, 0, 0, part_size
    parts: list[str] = []
    buffer = keep if keep is not None else _buffer()
    while count := file.readinto(buffer[: min(BLOCK, left)]):  # type: ignore[attr-defined]  # not in BinaryIO
        block = buffer[:count]
        if keep is not None:
            buffer = buffer[count:]
        sha.update(block)
        part = crc64nvme(block, part)
        whole = crc64nvme(block, whole) if parts else part
        size += count
        left -= count
        if left == 0:
            parts.append(text(part))
            part, left = 0, part_size
        if stop is not None and stop.is_set():
            raise Stopped("asked to stop")
    if left < part_size or not parts:
        parts.append(text(part))
    return Digest(size, sha.hexdigest(), text(whole), part_size, tuple(parts))


def text(crc: int) -> str:
    """A CRC-64 as S3 writes it: base64 of its eight bytes, highest first."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode()


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)  # the shift register
        table.append(value)
    return table


_TABLE = _table()


def slow_crc64nvme(data: bytes | memoryview, previous: int = 0) -> int:
    """The checksum in plain Python, some 10 MB/s: for machines that anycrc has no wheel for."""
    crc = previous ^ 0xFFFFFFFFFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFFFFFFFFFF


def _fastest() -> Callable[[bytes | memoryview, int], int]:
    try:
        import anycrc  # type: ignore[import-untyped]  # ships no types
    except ImportError:
        return slow_crc64nvme
    fast: Callable[[bytes | memoryview, int], int] = anycrc.Model("CRC64-NVME").calc
    return fast


crc64nvme = _fastest()
"""``crc64nvme(data, previous=0)``: the checksum of all bytes so far."""
