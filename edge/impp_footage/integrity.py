"""Whether a file is whole: movies, AVI and WAVE by their lengths, pictures by their end."""

from __future__ import annotations

from collections.abc import Iterator

from impp_footage import boxes, movies
from impp_footage.cameras import PROXIES
from impp_footage.formats import BOXED_FIRST, HEIF_BRANDS, of_name
from impp_footage.movies import COMPLETE, UNKNOWN, Integrity, cut
from impp_footage.reader import RangeReader

TAIL = 64 * 1024
"""Bytes at the end of a JPEG in which its end mark is looked for: makers put trailers behind it."""
_BOXED = ("mp4", "heif", "avif")
"""Formats of boxes; a name of theirs, or of a camera's proxy, says that the file must have some."""


def integrity(file: RangeReader, name: str) -> Integrity:
    """Judge whether a file is whole, by its bytes and its name. Raises what its reader raises."""
    head = file.read(0, 16)
    boxed = of_name(name) in _BOXED or name.lower().endswith(PROXIES)
    if boxed and file.size < 8:
        return cut(f"the file has {file.size} bytes")
    if boxed and not file.read(0, 4096).strip(b"\x00"):  # the space was reserved, but nothing written
        return cut("it begins with zero bytes")
    if head[4:8] in BOXED_FIRST:
        return _heif(file) if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS else movies.of_boxes(file)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return movies.of_riff(head, file.size)
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg(file)
    return UNKNOWN


def _heif(file: RangeReader) -> Integrity:
    """A HEIF picture needs its ``meta``; the coded picture lies in an ``mdat``, which must not run out of the file."""
    seen: set[bytes] = set()
    for box in boxes.walk(file):
        if {b"meta", b"mdat"} <= seen and not box.kind.isalnum():
            break
        if box.is_broken:
            return cut(f"a broken box at byte {box.start}")
        if box.end > file.size:
            return cut(f"{movies.name(box)} needs {box.end} bytes, the file has {file.size}")
        seen.add(box.kind)
    return COMPLETE if b"meta" in seen else cut("no meta box")


def _jpeg(file: RangeReader) -> Integrity:
    """A JPEG ends with FF D9. Where none is near the end, and what is there is nothing but coded picture (after FF only
    a stuffed 0 or a restart mark, ITU-T T.81 B.1.1.5) or zero bytes, it was cut; a maker's trailer leaves it open."""
    scan = _scan(file)
    if scan is None:
        return cut("no picture data")
    start = max(scan, file.size - TAIL)
    tail = file.read(start, TAIL)
    if b"\xff\xd9" in tail:
        return COMPLETE
    marks = {tail[at + 1] for at in _positions(tail, 0xFF) if at + 1 < len(tail)}
    coded = marks <= {0, *range(0xD0, 0xD8)}
    return cut("no end of image") if coded or start == scan else UNKNOWN


def _scan(file: RangeReader) -> int | None:
    """Where the coded picture of a JPEG begins, behind its segments (a thumbnail in one has an end mark of its own)."""
    at = 2
    for _ in range(boxes.MAX_BOXES):
        header = file.read(at, 4)
        if len(header) < 4 or header[0] != 0xFF or at >= file.size:
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
