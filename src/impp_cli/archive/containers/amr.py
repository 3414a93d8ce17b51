"""AMR, narrow and wide: voice memos of phones (RFC 4867, 5). Frames of 20 ms without an index, of a size that may
change with each, so the heads of all are read: a second for a day."""

from __future__ import annotations

from typing import Final

from impp_cli.archive.containers.reader import Unpriced, audio
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

PIECE: Final = 1 << 20
FRAME_S: Final = 0.02
NARROW: Final = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1)
"""Bytes of a frame by its type, its head included (3GPP TS 26.101, table 1a; RFC 4867, 5.3)."""
WIDE: Final = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1)
"""The same of wide-band frames (3GPP TS 26.201, table 2)."""


def read(file: RangeReader, head: bytes) -> Streams:
    """The number of frames."""
    if head.startswith(b"#!AMR\n"):
        return audio("amr", FRAME_S * _frames(file, 6, NARROW), "amr")
    if head.startswith(b"#!AMR-WB\n"):
        return audio("amr", FRAME_S * _frames(file, 9, WIDE), "amr")
    raise Unpriced("it has several channels, whose frames nothing here counts")


def _frames(file: RangeReader, at: int, sizes: tuple[int, ...]) -> int:
    frames = 0
    for start in range(0, file.size, PIECE):
        piece = file.read(start, PIECE)
        while at < start + len(piece):
            at += sizes[piece[at - start] >> 3 & 15]
            frames += 1
    return frames
