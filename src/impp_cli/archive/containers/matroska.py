"""Matroska and WebM (RFC 9559)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from impp_cli.archive.containers.described import audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

CODECS: Final = {
    "V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc", "V_VP8": "vp8", "V_VP9": "vp9", "V_AV1": "av1",
}  # fmt: skip
MASTERS: Final = frozenset({0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0})
"""Elements that are entered: Segment, Info, Tracks, TrackEntry, Video (5.1)."""


def read(_file: RangeReader, head: bytes) -> Streams | None:
    """The segment's length, and its first video and sound tracks."""
    scale, length, size, fps = 1_000_000, 0.0, [0, 0], None
    tracks: list[list[str | int]] = []
    for kind, value in _elements(head, 0, len(head)):
        if kind == 0xAE:
            tracks.append([0, ""])
        elif kind == 0x2AD7B1:
            scale = int.from_bytes(value)
        elif kind == 0x4489:
            (length,) = struct.unpack(">f" if len(value) == 4 else ">d", value)
        elif kind in (0xB0, 0xBA):
            size[kind == 0xBA] = int.from_bytes(value)
        elif kind == 0x23E383 and tracks[-1][0] in (0, 1):
            fps = 1e9 / int.from_bytes(value)
        elif kind == 0x83:
            tracks[-1][0] = int.from_bytes(value)
        elif kind == 0x86:
            tracks[-1][1] = value.decode("ascii", "replace")
    codecs = {int(number): str(name) for number, name in tracks}
    sound = codecs[2].removeprefix("A_").lower() if 2 in codecs else None
    seconds = length * scale / 1e9
    if 1 not in codecs:
        return audio("matroska", seconds, sound) if sound else None
    codec = CODECS.get(codecs[1], codecs[1].removeprefix("V_").lower())
    return video("matroska", seconds, (size[0], size[1]), fps, codec, sound)


def _elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Elements of EBML (RFC 8794, 4) with their content, that of masters being elements again."""
    while at < end:
        kind, at = _number(data, at, keeps_marker=True)
        length, at = _number(data, at)
        if kind in MASTERS:
            yield kind, b""
            yield from _elements(data, at, min(end, at + length))
        else:
            yield kind, data[at : at + length]
        at += length


def _number(data: bytes, at: int, *, keeps_marker: bool = False) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length])
    return value if keeps_marker else value & (1 << 7 * length) - 1, at + length
