"""Whether a clip is whole, and when it was made, by the boxes of an ISO base media file (MP4, MOV, 3GP, M4A, HEIC).

A camera writes the index (``moov``) last, so a clip that is still being written, or whose power was cut, has none, or
an ``mdat`` longer than the file. Headers alone are read: some ten reads of a few bytes, at most :data:`MAX_BOXES`.
ISO/IEC 14496-12, 4.2 (boxes), 8.2.2 (``mvhd``), 8.8 (fragments).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, NamedTuple

MAX_BOXES = 4096
"""Most boxes looked at on one level: a fragment is two of them, so an hour in seconds still fits."""
TAIL = 64 * 1024
"""Bytes at the end of a JPEG in which its end mark is looked for: makers put trailers behind it."""
STILLS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif")
"""Brands of pictures: HEIC, AVIF."""

_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid")
_NAMED = (".mp4", ".m4v", ".mov", ".qt", ".3gp", ".m4a", ".heic", ".heif", ".insv", ".360", ".lrv", ".lrf", ".glv")


@dataclass(frozen=True, slots=True)
class Integrity:
    """``state`` complete, cut (``reason`` says in words what is missing) or unknown (no file that would tell)."""

    state: str
    reason: str | None = None

    @property
    def is_cut(self) -> bool:
        """Whether an end is missing: the file is still being written, or its writer was stopped."""
        return self.state == "cut"


COMPLETE = Integrity("complete")
UNKNOWN = Integrity("unknown")


def cut(reason: str) -> Integrity:
    """The verdict on a file whose end is missing."""
    return Integrity("cut", reason)


class Box(NamedTuple):
    """``start`` of the header, ``body`` of the content, ``end`` as declared, which may lie behind the file's."""

    kind: bytes
    start: int
    body: int
    end: int


def integrity(file: BinaryIO, name: str, size: int) -> Integrity:
    """Whether the ``size`` bytes of a file are all of it. Raises OSError where it cannot be read."""
    head = _at(file, 0, 16)
    boxed = name.lower().endswith(_NAMED)
    if boxed and size < 8:
        return cut(f"the file has {size} bytes")
    if boxed and not _at(file, 0, 4096).strip(b"\x00"):  # the space was reserved, but nothing written
        return cut("it begins with zero bytes")
    if head[4:8] in _FIRST:
        return _still(file, size) if head[4:8] == b"ftyp" and head[8:12] in STILLS else _movie(file, size)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return _riff(int.from_bytes(head[4:8], "little"), size)
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg(file, size)
    return UNKNOWN


def container_time(file: BinaryIO) -> datetime | None:
    """When an MP4 or QuickTime file says it was made (``mvhd``), None where it says nothing or is none."""
    header = find(file, b"moov", b"mvhd")
    if header is None:
        return None
    body = _at(file, header.body, min(header.end - header.body, 12))
    version = body[:1] == b"\x01"
    seconds = int.from_bytes(body[4:12] if version else body[4:8], "big")
    if len(body) < (12 if version else 8) or not 0 < seconds < 1 << 33:
        return None
    return _EPOCH + timedelta(seconds=seconds)


def find(file: BinaryIO, *path: bytes, within: Box | None = None) -> Box | None:
    """The first box at a path such as ``moov``, ``mvhd``, ends clipped to the file's."""
    found = within
    for kind in path:
        found = next((box for box in children(file, found) if box.kind == kind), None)
        if found is None:
            return None
    return found


def children(file: BinaryIO, parent: Box | None = None, skip: int = 0) -> Iterator[Box]:
    """The boxes in another one (None: in the file), after ``skip`` bytes; ends at the first that is no box."""
    size = file.seek(0, os.SEEK_END)
    at, end = (parent.body + skip, min(parent.end, size)) if parent else (0, size)
    for box in _walk(file, at, end):
        if box.body > box.end:
            return
        yield box._replace(end=min(box.end, end))


def read(file: BinaryIO, box: Box, most: int) -> bytes:
    """The first ``most`` bytes of a box's content."""
    return _at(file, box.body, min(box.end - box.body, most))


def _walk(file: BinaryIO, at: int, end: int) -> Iterator[Box]:
    """Boxes as their headers say; an end before the body means a broken one, which is the last."""
    for _ in range(MAX_BOXES):
        header = _at(file, at, 16) if at + 8 <= end else b""
        if len(header) < 8:
            return
        length, used = int.from_bytes(header[:4], "big"), 8
        if length == 1 and len(header) == 16:
            length, used = int.from_bytes(header[8:], "big"), 16
        elif length == 0:  # to the end of the file
            length = end - at
        yield Box(header[4:8], at, at + used, at + length)
        if length < used:
            return
        at += length


def _movie(file: BinaryIO, size: int) -> Integrity:
    """A movie needs ``moov`` and ``mdat``. Bytes behind a whole movie that are no box are a camera's padding."""
    seen: set[bytes] = set()
    boxes = 0
    for box in _walk(file, 0, size):
        boxes += 1
        whole = {b"moov", b"mdat"} <= seen
        if whole and not box.kind.isalnum():
            return COMPLETE
        if box.body > box.end:
            return cut(f"a broken box at byte {box.start}")
        if box.end > size and not (whole and b"moof" not in seen):
            return cut(f"{_name(box)} needs {box.end} bytes, the file has {size}")
        seen.add(box.kind)
    if boxes == MAX_BOXES:
        return UNKNOWN
    missing = [kind.decode() for kind in (b"moov", b"mdat") if kind not in seen]
    return cut(f"no {' and no '.join(missing)} box") if missing else COMPLETE


def _still(file: BinaryIO, size: int) -> Integrity:
    """A HEIF picture needs its ``meta``; the coded picture lies in an ``mdat``, which must not run out of the file."""
    seen: set[bytes] = set()
    for box in _walk(file, 0, size):
        if {b"meta", b"mdat"} <= seen and not box.kind.isalnum():
            break
        if box.body > box.end:
            return cut(f"a broken box at byte {box.start}")
        if box.end > size:
            return cut(f"{_name(box)} needs {box.end} bytes, the file has {size}")
        seen.add(box.kind)
    return COMPLETE if b"meta" in seen else cut("no meta box")


def _riff(declared: int, size: int) -> Integrity:
    """An AVI or WAVE says its length first; some recorders leave 0 or -1 there."""
    if declared in (0, 0xFFFFFFFF):
        return UNKNOWN
    return COMPLETE if declared + 8 <= size else cut(f"the RIFF chunk needs {declared + 8} bytes, the file has {size}")


def _jpeg(file: BinaryIO, size: int) -> Integrity:
    """A JPEG ends with FF D9. Where none is near the end, and what is there is nothing but coded picture (after FF only
    a stuffed 0 or a restart mark, ITU-T T.81 B.1.1.5) or zero bytes, it was cut; a maker's trailer leaves it open."""
    scan = _scan(file, size)
    if scan is None:
        return cut("no picture data")
    start = max(scan, size - TAIL)
    tail = _at(file, start, TAIL)
    if b"\xff\xd9" in tail:
        return COMPLETE
    marks = {tail[at + 1] for at in _positions(tail, 0xFF) if at + 1 < len(tail)}
    coded = marks <= {0, *range(0xD0, 0xD8)}
    return cut("no end of image") if coded or start == scan else UNKNOWN


def _scan(file: BinaryIO, size: int) -> int | None:
    """Where the coded picture of a JPEG begins, behind its segments (a thumbnail in one has an end mark of its own)."""
    at = 2
    for _ in range(MAX_BOXES):
        header = _at(file, at, 4)
        if len(header) < 4 or header[0] != 0xFF or at >= size:
            return None
        if header[1] == 0xDA:
            return at
        at += 1 if header[1] == 0xFF else 2 + int.from_bytes(header[2:], "big")
    return None


def _positions(data: bytes, value: int) -> Iterator[int]:
    at = data.find(value)
    while at >= 0:
        yield at
        at = data.find(value, at + 1)


def _name(box: Box) -> str:
    printable = "".join(chr(byte) if 0x20 < byte < 0x7F else "?" for byte in box.kind)
    return f"the {printable} box"


def _at(file: BinaryIO, at: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``at``."""
    file.seek(at)
    return file.read(count)
