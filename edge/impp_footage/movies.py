"""Whether a movie is whole. A camera writes its index (``moov``) last, so a clip that is still being written, or whose
power was cut, has none, or an ``mdat`` longer than the file. ISO/IEC 14496-12, 8.8 (fragments).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from impp_footage import boxes
from impp_footage.boxes import Box
from impp_footage.reader import RangeReader


@dataclass(frozen=True, slots=True)
class Integrity:
    """``state`` complete, cut (``reason`` says what is missing) or unknown (the format does not show it). ``movie`` is
    the ``moov`` box, where one was passed, so that nobody need look for it again. ``usable``: the bytes from the start
    that are whole boxes, where a complete movie has junk, a cut fragment or another movie behind them; ``further_at``
    is where that other movie begins."""

    state: str
    reason: str | None = None
    movie: Box | None = field(default=None, compare=False)
    usable: int | None = field(default=None, compare=False)
    further_at: int | None = field(default=None, compare=False)

    @property
    def is_cut(self) -> bool:
        """Whether an end is missing: the file is still being written, or its writer was stopped."""
        return self.state == "cut"


COMPLETE = Integrity("complete")
UNKNOWN = Integrity("unknown")
FRAGMENT_BYTES = 32 * 1024 * 1024
"""Bytes at the end of a file in which the last fragment is looked for: 2.5 s at 100 Mbit/s."""
_PIECE = 1024 * 1024


def cut(reason: str) -> Integrity:
    """The verdict on a file whose end is missing."""
    return Integrity("cut", reason)


def of_boxes(file: RangeReader, last_fragment: bool = True) -> Integrity:
    """Judge an MP4 or QuickTime file. It needs ``moov`` and ``mdat``; bytes behind them that are not a box are padding.

    With ``last_fragment`` a fragmented movie is walked to its end, two reads per fragment, and one whose last fragment
    is cut short counts as cut. Without, its ``moov`` is enough: what there is of it plays, up to ``usable``.
    """
    movie, seen, count, behind = None, set[bytes](), 0, None
    for box in boxes.walk(file):
        count += 1
        whole = movie is not None and b"mdat" in seen
        if whole and b"moof" not in seen and (start := _second_movie(box, behind)) is not None:
            return Integrity("complete", movie=movie, usable=start, further_at=start)
        if box.kind == b"moof" and movie is None:
            return cut("fragments without a moov box")
        if box.kind == b"moof" and not last_fragment:
            return Integrity("complete", movie=movie, usable=_whole_fragments(file))
        is_whole_box = not box.is_broken and box.end <= file.size
        if whole and (not box.kind.isalnum() or (b"moof" not in seen and not is_whole_box)):
            return Integrity("complete", movie=movie, usable=None if box.end == file.size else box.start)
        if box.is_broken:
            return Integrity("cut", f"a broken box at byte {box.start}", movie)
        if box.end > file.size:
            return Integrity("cut", f"{name(box)} needs {box.end} bytes, the file has {file.size}", movie)
        movie = movie or (box if box.kind == b"moov" else None)  # of several, readers take the first
        behind = behind or (box if whole and box.kind == b"mdat" else None)
        seen.add(box.kind)
    if count == boxes.MAX_BOXES:
        return Integrity("unknown", movie=movie)
    missing = [kind.decode() for kind in (b"moov", b"mdat") if kind not in seen]
    return (
        Integrity("cut", f"no {' and no '.join(missing)} box", movie) if missing else Integrity("complete", None, movie)
    )


def _second_movie(box: Box, behind: Box | None) -> int | None:
    """Where another movie begins behind a complete one, as `cat a.mp4 b.mp4` makes it: with a ``ftyp`` (4.3: one per
    file) or, of QuickTime, with media that has an index of its own. A second ``moov`` alone is a spare copy."""
    if box.kind == b"ftyp":
        return box.start
    return behind.start if box.kind == b"moov" and behind else None


def _whole_fragments(file: RangeReader) -> int | None:
    """Where the last whole fragment ends if something incomplete follows it; None if the file ends with a whole box, or
    if its last fragment is not within :data:`FRAGMENT_BYTES` of the end."""
    start = _last_fragment(file)
    if start is None:
        return None
    end = start
    for box in boxes.walk(file, start):
        if box.is_broken or box.end > file.size:
            return start if box.kind in (b"moof", b"mdat") else box.start
        end = box.end
    return end if end < file.size else None


def _last_fragment(file: RangeReader) -> int | None:
    """Where the last ``moof`` begins, looked for backwards: a ``mfhd`` is its first box."""
    for end in range(file.size, max(0, file.size - FRAGMENT_BYTES), -_PIECE):
        start = max(0, end - _PIECE)
        data = file.read(start, end - start + 16)  # pieces overlap, so that no header is divided
        at = data.rfind(b"moof")
        while at >= 4:
            if data[at + 8 : at + 12] == b"mfhd":
                return start + at - 4
            at = data.rfind(b"moof", 0, at)
    return None


def of_riff(head: bytes, size: int) -> Integrity:
    """Judge an AVI or WAVE by the length in its first 8 bytes; some recorders leave 0 or -1 there, and RF64 does."""
    declared = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or declared in (0, 0xFFFFFFFF):
        return UNKNOWN
    return COMPLETE if declared + 8 <= size else cut(f"the RIFF chunk needs {declared + 8} bytes, the file has {size}")


def name(box: Box) -> str:
    """A box in words, whatever its four bytes are."""
    printable = "".join(chr(byte) if 0x20 < byte < 0x7F else "?" for byte in box.kind)
    return f"the {printable} box"
