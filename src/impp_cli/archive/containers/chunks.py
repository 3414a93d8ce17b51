"""AIFF (Apple, "Audio Interchange File Format", 1.3, and AIFF-C) and Core Audio Format (Apple, "CAF Specification")."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from impp_cli.archive.containers.reader import audio
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

MOST: Final = 1000
"""Chunks that are looked at."""
CODECS: Final = {b"lpcm": "pcm", b"alac": "alac", b"aac ": "aac", b"ima4": "adpcm", b"opus": "opus", b".mp3": "mp3"}
PCM: Final = frozenset({b"NONE", b"sowt", b"twos", b"raw ", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32"})


class _Chunk(NamedTuple):
    kind: bytes
    body: int
    length: int


def aiff(file: RangeReader, _head: bytes) -> Streams:
    """COMM: frames of samples, and how many there are per second, as a number of 80 bits."""
    present = {chunk.kind: chunk for chunk in _aiff_chunks(file)}
    at = present[b"COMM"]
    common = file.read(at.body, min(at.length, 22))
    channels, frames, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", common)
    rate = mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)
    if not frames:  # a recorder that did not finish: what there is of uncompressed samples
        frames = (file.size - present[b"SSND"].body - 8) // (channels * ((bits + 7) // 8))
    return audio("aiff", frames / rate, "pcm" if common[18:22] in (b"", *PCM) else "unknown")


def _aiff_chunks(file: RangeReader) -> Iterator[_Chunk]:
    at = 12
    for _ in range(MOST):
        head = file.read(at, 8)
        if len(head) < 8:
            return
        kind, length = struct.unpack(">4sI", head)
        yield _Chunk(kind, at + 8, length)
        at += 8 + length + length % 2


def caf(file: RangeReader, _head: bytes) -> Streams:
    """The table of packets, or as many packets of one size as the sound has room for."""
    present = {chunk.kind: chunk for chunk in _caf_chunks(file)}
    rate, codec, _, packet_bytes, packet_frames = struct.unpack(">d4sIII", file.read(present[b"desc"].body, 24))
    if b"pakt" in present:
        packets, frames = struct.unpack(">qq", file.read(present[b"pakt"].body, 16))
        frames = frames if frames > 0 else packets * packet_frames
    else:
        frames = (present[b"data"].length - 4) // packet_bytes * packet_frames
    return audio("caf", frames / rate, CODECS.get(codec, codec.decode("ascii", "replace").strip().lower()))


def _caf_chunks(file: RangeReader) -> Iterator[_Chunk]:
    at = 8
    for _ in range(MOST):
        head = file.read(at, 12)
        if len(head) < 12:
            return
        kind, length = struct.unpack(">4sq", head)
        length = min(length if length >= 0 else file.size, file.size - at - 12)
        yield _Chunk(kind, at + 12, length)
        at += 12 + length
