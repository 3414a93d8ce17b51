"""MP3 and MP2 (ISO 11172-3, 13818-3), and AAC in ADTS (ISO 14496-3, 1.A.2.2): sound in frames without an index.

Their headers need not state a length, so the heads of all frames are read: a second for some ten hours.
"""

from __future__ import annotations

from typing import Final

from impp_cli.archive.containers.described import audio
from impp_footage import sound_frames
from impp_footage.reader import RangeReader
from impp_footage.sound_frames import HEAD, Frame
from impp_lambdas.core.intake.facts import Streams

PIECE: Final = 1 << 20
JUNK: Final = 1 << 16
"""Bytes without a frame in them that end a file: tags of players, or damage."""


def read(file: RangeReader, _head: bytes) -> Streams | None:
    """The sum of all frames."""
    start = sound_frames.behind_tags(file)
    first = _first(file.read(start, JUNK))
    if first is None:
        return None
    at, codec = first
    return audio("aac" if codec == "aac" else "mp3", _seconds(file, start + at, codec), codec)


def _first(data: bytes) -> tuple[int, str] | None:
    """Where the first frame begins, which another one must follow, and its codec."""
    at = data.find(b"\xff")
    while at >= 0:
        frame = _frame(data, at)
        if frame:
            after = _frame(data, at + frame.length)
            if after and after.codec == frame.codec:
                return at, frame.codec
        at = data.find(b"\xff", at + 1)
    return None


def _seconds(file: RangeReader, at: int, codec: str) -> float:
    seconds, junk = 0.0, 0
    piece, start = b"", at
    while at + HEAD <= file.size and junk < JUNK:
        if at + HEAD > start + len(piece):
            piece, start = file.read(at, PIECE), at
            if len(piece) < HEAD:  # the file has become shorter
                break
        frame = _frame(piece, at - start)
        if frame and frame.codec == codec:
            seconds, junk = seconds + frame.seconds, 0
            at += frame.length
        else:
            at, junk = at + 1, junk + 1
    return seconds


def _frame(data: bytes, at: int) -> Frame | None:
    """The frame whose head begins there, if all of the head is there."""
    head = data[at : at + HEAD]
    return sound_frames.frame(head) if len(head) == HEAD else None
