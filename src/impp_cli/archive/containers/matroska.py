"""Matroska and WebM (RFC 9559).

What a browser or a killed program recorded states no length: that follows from its last cluster, which is looked for by
bisection. How fast frames and keyframes follow each other, none states; it follows from the first ones.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, NamedTuple

from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage import ebml, tables
from impp_footage.container_layouts.layout import Point
from impp_footage.container_layouts.matroska import Matroska
from impp_footage.container_layouts.search import last_before
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

CODECS: Final = {
    "V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc", "V_VP8": "vp8", "V_VP9": "vp9", "V_AV1": "av1",
}  # fmt: skip
SEGMENT, CLUSTER, GROUP = 0x18538067, 0x1F43B675, 0xA0
MASTERS: Final = frozenset({SEGMENT, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0})
"""Elements that are entered: Segment, Info, Tracks, TrackEntry, Video (5.1)."""
DEPTH: Final = 8
PICTURE, SOUND = 1, 2
"""Types of tracks (5.1.4.1.3)."""
MOST_FRAMES: Final = 2000
"""Frames that stand for the whole file: over a minute."""
MOST_BLOCKS: Final = 20_000
"""Blocks that are looked at for them, and in the last cluster."""


@dataclass
class _Track:
    number: int = 0
    kind: int = 0
    codec: str = ""
    frame_s: float = 0.0


@dataclass
class _Header:
    """What comes before the clusters."""

    scale_s: float = 1e-3
    length: float = 0.0
    size: list[int] = field(default_factory=lambda: [0, 0])
    tracks: list[_Track] = field(default_factory=list)

    def first(self, kind: int) -> _Track | None:
        """The first track of a kind."""
        return next((track for track in self.tracks if track.kind == kind), None)


class _Block(NamedTuple):
    """A frame of a track, or some: when it is shown, in the segment's ticks, and whether others are needed for it."""

    track: int
    time: int
    is_key: bool


def read(file: RangeReader, head: bytes) -> Streams:
    """The segment's length, and its first video and sound tracks."""
    header = _header(head)
    layout = Matroska(file, 0, header.scale_s)
    picture, sound = header.first(PICTURE), header.first(SOUND)
    codec = sound.codec.removeprefix("A_").lower() if sound else None
    seconds = header.length * header.scale_s
    first = layout.after(0) if picture or not seconds else None
    if not seconds and first:
        seconds = _seconds(file, header, layout, first)
    if not picture:
        if not codec:
            raise Unpriced("it has neither a picture nor sound")
        return audio("matroska", seconds, codec)
    name = CODECS.get(picture.codec, picture.codec.removeprefix("V_").lower())
    fps = 1 / picture.frame_s if picture.frame_s else None
    streams = video("matroska", seconds, (header.size[0], header.size[1]), fps, name, codec)
    streams = replace(streams, video_tracks=sum(track.kind == PICTURE for track in header.tracks))
    return _with_rhythm(streams, file, first, picture, header.scale_s) if first else streams


def _header(head: bytes) -> _Header:
    known = _Header()
    for kind, value in _elements(head, 0, len(head), DEPTH):
        if kind == 0xAE:
            known.tracks.append(_Track())
        elif kind == 0x2AD7B1:
            known.scale_s = int.from_bytes(value) / 1e9
        elif kind == 0x4489:
            (known.length,) = struct.unpack(">f" if len(value) == 4 else ">d", value)
        elif kind in (0xB0, 0xBA) and known.tracks[-1] is known.first(PICTURE):
            known.size[kind == 0xBA] = int.from_bytes(value)
        elif kind == 0x23E383:
            known.tracks[-1].frame_s = int.from_bytes(value) / 1e9
        elif kind == 0xD7:
            known.tracks[-1].number = int.from_bytes(value)
        elif kind == 0x83:
            known.tracks[-1].kind = int.from_bytes(value)
        elif kind == 0x86:
            known.tracks[-1].codec = value.decode("ascii", "replace")
    return known


def _elements(data: bytes, at: int, end: int, depth: int) -> Iterator[tuple[int, bytes]]:
    """Elements of EBML (RFC 8794, 4) with their content, that of masters being elements again."""
    while at < end:
        kind, at = _number(data, at, keeps_marker=True)
        length, at = _number(data, at)
        if kind == CLUSTER:
            return
        if kind in MASTERS and depth:
            yield kind, b""
            yield from _elements(data, at, min(end, at + length), depth - 1)
        else:
            yield kind, data[at : at + length]
        at += length


def _number(data: bytes, at: int, *, keeps_marker: bool = False) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length])
    return value if keeps_marker else value & (1 << 7 * length) - 1, at + length


# --- clusters ---------------------------------------------------------------------------------------------------------


def _seconds(file: RangeReader, header: _Header, layout: Matroska, first: Point) -> float:
    """From the first block to the end of the last one."""
    begin = next(_blocks(file, first.offset)).time
    last = last_before(replace(layout, head=first.offset), math.inf) or first
    frames = {track.number: track.frame_s for track in header.tracks}
    ends = (block.time * header.scale_s + frames.get(block.track, 0.0) for block in _blocks(file, last.offset))
    return max(ends) - begin * header.scale_s


def _with_rhythm(streams: Streams, file: RangeReader, first: Point, track: _Track, scale_s: float) -> Streams:
    """With the rate of the faster passages, and the average time between keyframes."""
    blocks = []
    for block in _blocks(file, first.offset):
        if block.track == track.number:
            blocks.append(block)
        if len(blocks) >= MOST_FRAMES:
            break
    times = sorted(block.time for block in blocks)
    keys = sorted(block.time for block in blocks if block.is_key)
    pace = tables.pace_of(Counter(after - before for before, after in pairwise(times)).items(), 1 / scale_s)
    if pace is None:
        return streams
    apart = (keys[-1] - keys[0]) * scale_s / (len(keys) - 1) if len(keys) > 1 else None
    fps = streams.fps if streams.fps and not pace.is_variable else round(pace.fps, 4)
    keyframe_s = round(apart, 3) if apart else None
    return replace(streams, fps=fps, is_variable_rate=pace.is_variable, keyframe_s=keyframe_s)


def _blocks(file: RangeReader, at: int) -> Iterator[_Block]:
    """Blocks from a cluster on (5.1.3), whether clusters state their length or not."""
    base, end = 0, 0
    for _ in range(MOST_BLOCKS):
        head = file.read(at, 32)
        kind_length = ebml.length(head, 0)
        size_length = ebml.length(head, kind_length) if kind_length else 0
        if not size_length:
            return
        kind, body = int.from_bytes(head[:kind_length]), kind_length + size_length
        size = ebml.value(head[kind_length:body])
        if kind == 0xE7 and size:
            base = int.from_bytes(head[body : body + size])
        elif kind == 0xA3:  # SimpleBlock
            yield _block(head[body:], base, None)
        elif kind == 0xA1:  # Block: a ReferenceBlock behind it says that it needs others
            rest = file.read(at + body + size, min(max(0, end - at - body - size), 64)) if size else b""
            yield _block(head[body:], base, b"\xfb" not in rest)
        if kind == GROUP and size is not None:
            end = at + body + size
        elif kind not in (SEGMENT, CLUSTER):
            if size is None:
                return
            body += size
        at += body


def _block(data: bytes, base: int, is_key: bool | None) -> _Block:
    """A block's head (10.1, 10.2): track, time since the cluster's, flags."""
    track, at = _number(data, 0)
    (since,) = struct.unpack_from(">h", data, at)
    return _Block(track, base + since, bool(data[at + 2] & 0x80) if is_key is None else is_key)
