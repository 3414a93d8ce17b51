"""Where a second recording begins in a file, behind the first: files that were appended to each other (`cat`).

Readers of formats with an index or lengths show the first one only, or half of the second. Transport and program
streams, MP3, AAC and Ogg are made to be appended, so they are not looked at; :mod:`impp_footage.movies` looks at MP4.
"""

from __future__ import annotations

import struct

from impp_footage import ebml
from impp_footage.reader import RangeReader

MOST_CHUNKS = 256
"""Most RIFF chunks of an AVI; each but the first holds about a gigabyte (OpenDML AVI File Format Extensions, 1.02)."""
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_FILESIZE = b"\x00\x08filesize\x00"
"""A property of FLV's `onMetaData` and the mark of a number (AMF 0, 2.2 and 2.5)."""


def further(file: RangeReader, container: str) -> int | None:
    """The offset of a second recording in a file of a format (:func:`impp_footage.formats.sniff`), None without one."""
    match container:
        case "avi" | "wave":
            return _riff(file)
        case "matroska":
            return _matroska(file)
        case "flv":
            return _flv(file)
    return None


def _riff(file: RangeReader) -> int | None:
    """By the lengths of the RIFF chunks. Those of a long AVI are followed by others of the form ``AVIX``."""
    first = file.read(0, 12)
    at = 0
    for _ in range(MOST_CHUNKS):
        head = file.read(at, 12)
        if head[:4] != b"RIFF" or head[8:12] not in (first[8:12], b"AVIX"):
            return None
        if at and head[8:12] == first[8:12]:
            return at
        length = int.from_bytes(head[4:8], "little")
        if length in (0, 0xFFFFFFFF):
            return None
        at += 8 + length + length % 2
    return None


def _matroska(file: RangeReader) -> int | None:
    """By the length of the segment. A recorder that was stopped leaves it unknown."""
    at = 0
    for wanted in (_EBML, _SEGMENT):
        head = file.read(at, 12)
        size = ebml.value(head[4 : 4 + ebml.length(head, 4)]) if head[:4] == wanted else None
        if size is None:
            return None
        at += 4 + ebml.length(head, 4) + size
    return at if file.read(at, 4) == _EBML else None


def _flv(file: RangeReader) -> int | None:
    """By the size that its first tag states."""
    head = file.read(0, 4096)
    at = head.find(_FILESIZE) + len(_FILESIZE)
    if at < len(_FILESIZE) or at + 8 > len(head):
        return None
    (size,) = struct.unpack_from(">d", head, at)
    return int(size) if 13 < size < file.size and file.read(int(size), 4) == b"FLV\x01" else None
