"""Zip files that depend on nothing but their content: not on time, path, umask, time zone or the order of a listing.

`zipfile` is used only to read. Writing is done here because a layer takes the already deflated streams of its wheels as
they are: that is twenty times quicker than inflating and deflating 100 MB again, and the bytes stay those of the
hash-pinned wheel whichever zlib this host has. The format is the classic one of PKWARE's APPNOTE 6.3, without ZIP64.
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
_UNIX = 3 << 8  # "made by": makes readers use the mode below
_UTF8 = 0x800
_DOS_TIME, _DOS_DATE = 0, 0x21  # 1980-01-01 00:00:00, the earliest that the format can say
_MODE = 0o100644 << 16  # Lambda needs the files to be readable by all, and nothing to be executable
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
        """Deflate content, or store it where deflating does not help."""
        deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        deflated = deflater.compress(content) + deflater.flush()
        method, data = (
            (zipfile.ZIP_DEFLATED, deflated) if len(deflated) < len(content) else (zipfile.ZIP_STORED, content)
        )
        return cls(path, method, zlib.crc32(content), len(content), data)


def entries_of(archive: Path) -> Iterator[Entry]:
    """The files of a zip (a wheel) with their streams as they lie there, not inflated."""
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
    """The zip file of these entries, sorted by path. Raises BuildError when two entries claim one path."""
    body, directory = bytearray(), bytearray()
    ordered = sorted(entries, key=lambda entry: entry.path)
    for before, entry in zip([None, *ordered], ordered, strict=False):
        if before is not None and before.path == entry.path:
            raise BuildError(f"two files want the path {entry.path} in one zip")
        name = entry.path.encode()
        flags = 0 if name.isascii() else _UTF8
        common = (flags, entry.method, _DOS_TIME, _DOS_DATE, entry.crc, len(entry.data), entry.size, len(name), 0)
        offset = len(body)
        body += _LOCAL.pack(0x04034B50, _VERSION, *common) + name + entry.data
        directory += _CENTRAL.pack(0x02014B50, _UNIX | _VERSION, _VERSION, *common, 0, 0, 0, _MODE, offset) + name
    if len(ordered) > _MAX_ENTRIES or len(body) + len(directory) > _MAX_BYTES:
        raise BuildError("the archive needs ZIP64, which is far above what Lambda accepts")
    end = _END.pack(0x06054B50, 0, 0, len(ordered), len(ordered), len(directory), len(body), 0)
    return bytes(body + directory + end)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or all of the new one, even when we are killed in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
