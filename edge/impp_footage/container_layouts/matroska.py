"""Clusters of Matroska and WebM (RFC 9559) without cues, as MediaRecorder and a killed recorder leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from impp_footage import ebml
from impp_footage.container_layouts.layout import Layout, Point
from impp_footage.container_layouts.search import FARTHEST, occurrences
from impp_footage.container_layouts.views import Padded

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader

MOST_ELEMENTS = 100
"""Most elements before the first cluster."""
_SEGMENT, _SEEK_HEAD, _INFO, _CUES = b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x1c\x53\xbb\x6b"
_CUES_ENTRY, _POSITION, _SCALE = b"\x53\xab\x84" + _CUES, b"\x53\xac", b"\x2a\xd7\xb1"
_TIMESTAMP, _CHECKSUM, _VOID = 0xE7, 0xBF, 0xEC


@dataclass(frozen=True)
class Matroska(Padded):
    """A file of clusters, whose timestamps count in `scale_s` seconds."""

    file: RangeReader
    head: int
    scale_s: float

    ID: ClassVar[bytes] = b"\x1f\x43\xb6\x75"

    def after(self, offset: int, most: int = FARTHEST) -> Point | None:
        for at in occurrences(self.file, self.ID, max(offset, self.head), most=most):
            time = self._time(self.file.read(at + 4, 64))
            if time is not None:
                return Point(at, time)
        return None

    def padding(self, length: int) -> bytes:
        return bytes([_VOID]) + b"\x01" + (length - 9).to_bytes(7, "big")

    def _time(self, data: bytes) -> float | None:
        """The timestamp, first of a cluster's elements but for a checksum and padding; None if this is no cluster."""
        at = ebml.length(data, 0)
        while at and at < len(data) - 10:
            kind, length = data[at], ebml.length(data, at + 1)
            size = int.from_bytes(data[at + 1 : at + 1 + length], "big") & ((1 << 7 * length) - 1)
            body = at + 1 + length
            if kind == _TIMESTAMP and 1 <= size <= 8:
                return int.from_bytes(data[body : body + size], "big") * self.scale_s
            if kind not in (_CHECKSUM, _VOID):
                return None
            at = body + size
        return None


def layout(file: RangeReader) -> Layout | None:
    """Read the elements before the first cluster: the unit of time, and whether cues are announced that exist."""
    at, segment, scale = 0, 0, 1_000_000
    for _ in range(MOST_ELEMENTS):
        head = file.read(at, 12)
        kind_length = ebml.length(head, 0)
        size_length = ebml.length(head, kind_length) if kind_length else 0
        if not size_length:
            return None
        kind, body = head[:kind_length], at + kind_length + size_length
        size = ebml.value(head[kind_length : kind_length + size_length])
        if kind == Matroska.ID:
            return Matroska(file, at, scale / 1e9)
        if kind == _SEGMENT:
            at, segment = body, body
            continue
        if kind == _CUES or size is None:
            return None
        content = file.read(body, min(size, 4096)) if kind in (_SEEK_HEAD, _INFO) else b""
        cues = _number(content, _CUES_ENTRY + _POSITION) if kind == _SEEK_HEAD else None
        if cues is not None and segment + cues < file.size:
            return None
        if kind == _INFO:
            scale = _number(content, _SCALE) or scale
        at = body + size
    return None


def _number(data: bytes, kind: bytes) -> int | None:
    """The unsigned integer of the first element of a kind."""
    at = data.find(kind)
    size = data[at + len(kind)] & 0x7F if 0 <= at < len(data) - len(kind) else 0
    return int.from_bytes(data[at + len(kind) + 1 :][:size], "big") if 1 <= size <= 8 else None
