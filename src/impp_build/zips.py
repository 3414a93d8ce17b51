"""Writes zip files that depend on their content alone, not on time, path, umask, time zone or listing order.

`zipfile` only reads here. A layer copies the deflated streams of its wheels unchanged, which `zipfile` cannot do. That
is 20 times faster than deflating 100 MB again, and the bytes do not depend on this host's zlib. The format is that of
PKWARE's APPNOTE 6.3 without ZIP64.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from impp_build import BuildError

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_VERSION = 20  # 2.0: deflate
_UNIX = 3 << 8  # "version made by": readers then use the mode below
_UTF8 = 0x800
_DOS_TIME, _DOS_DATE = 0, 0x21  # 1980-01-01 00:00:00, the earliest date of the format
_MODE = 0o100644 << 16  # Lambda needs files that everyone can read; none is executable
_MAX_BYTES, _MAX_ENTRIES = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True)
class Entry:
    """One file of a zip: its path inside, and its content as stored or deflated bytes."""

    path: str
    method: int  # zipfile.ZIP_STORED or ZIP_DEFLATED
    crc: int
    size: int  # of the content, in bytes
    data: bytes

    @classmethod
    def of(cls, path: str, content: bytes) -> Entry:
        """Deflate content, or store it if deflating does not make it smaller."""
        deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        deflated = deflater.compress(content) + deflater.flush()
        method, data = (
            (zipfile.ZIP_DEFLATED, deflated) if len(deflated) < len(content) else (zipfile.ZIP_STORED, content)
        )
        return cls(path, method, zlib.crc32(content), len(content), data)


def entries_of(archive: Path) -> Iterator[Entry]:
    """Yield the files of a zip (a wheel) with their streams as stored, not inflated."""
    with zipfile.ZipFile(archive) as zipped, archive.open("rb") as raw:
        for info in zipped.infolist():
            if info.is_dir():
                continue
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                yield Entry.of(info.filename, zipped.read(info))
                continue
            raw.seek(info.header_offset)
            header = _LOCAL.unpack(raw.read(_LOCAL.size))
            raw.seek(header[9] + header[10], os.SEEK_CUR)  # name and extra field
            data = raw.read(info.compress_size)
            yield Entry(info.filename, info.compress_type, info.CRC, info.file_size, data)


def zip_bytes(entries: Iterable[Entry]) -> bytes:
    """Return the zip file of these entries, sorted by path. Raises BuildError if two entries have one path."""
    body, directory = bytearray(), bytearray()
    ordered = sorted(entries, key=lambda entry: entry.path)
    for before, entry in zip([None, *ordered], ordered, strict=False):
        if before is not None and before.path == entry.path:
            raise BuildError(f"two files have the path {entry.path} in one zip")
        name = entry.path.encode()
        flags = 0 if name.isascii() else _UTF8
        common = (flags, entry.method, _DOS_TIME, _DOS_DATE, entry.crc, len(entry.data), entry.size, len(name), 0)
        offset = len(body)
        body += _LOCAL.pack(0x04034B50, _VERSION, *common) + name + entry.data
        directory += _CENTRAL.pack(0x02014B50, _UNIX | _VERSION, _VERSION, *common, 0, 0, 0, _MODE, offset) + name
    if len(ordered) > _MAX_ENTRIES or len(body) + len(directory) > _MAX_BYTES:
        raise BuildError("the archive needs ZIP64; Lambda accepts far less")
    end = _END.pack(0x06054B50, 0, 0, len(ordered), len(ordered), len(directory), len(body), 0)
    return bytes(body + directory + end)


def packed_size(path: str, compressed: int) -> int:
    """Return the bytes that a file of `compressed` bytes adds to a zip: both of its headers included."""
    return _LOCAL.size + _CENTRAL.size + 2 * len(path.encode()) + compressed


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader sees the old content or all of the new, even if this process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
