"""Tags of FLV (Adobe Flash Video File Format Specification 10.1, E.3 and E.4).

Each states its time. The list of keyframes is optional, and of no use for sound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from impp_footage.container_layouts.layout import Layout, Point
from impp_footage.container_layouts.search import FARTHEST, stretches
from impp_footage.container_layouts.views import Spliced

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader

MOST_TAGS = 100
"""Most tags that are read for those that describe the tracks."""
_SOUND, _PICTURE, _SCRIPT = 8, 9, 18
_SCRIPT_BYTES = 1 << 20
"""Bytes of a script's tag in which the list of keyframes is named."""


@dataclass(frozen=True)
class Flv:
    """A file of tags. `head` is behind those that the decoders need first. `keyframes` is where the list of keyframes
    is named, which a view must hide: its offsets are those of the file. 0: there is none."""

    file: RangeReader
    head: int
    keyframes: int

    TAG: ClassVar[int] = 11
    """Bytes of a tag's header."""
    OPENING: ClassVar[int] = 1 << 16
    PATTERN: ClassVar[re.Pattern[bytes]] = re.compile(rb"(?=[\x08\x09].{7}\0\0\0)", re.DOTALL)
    """The header of a tag of sound or picture: kind, length, time, and a number that is always 0."""
    LIST: ClassVar[bytes] = b"keyframes"

    def after(self, offset: int, most: int = FARTHEST) -> Point | None:
        for at, data in stretches(self.file, max(offset, self.head), self.TAG - 1, most=most):
            for match in self.PATTERN.finditer(data):
                place = match.start()
                if tag := self._tag(at + place, data[place : place + self.TAG]):
                    return tag
        return None

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The head and the tags between."""
        begin, end = first.offset if first else self.head, stop.offset if stop else self.file.size
        patches = {self.keyframes: b"no" + self.LIST[2:]} if self.keyframes else {}
        file.seek(0)
        return Spliced(file, [(0, self.head), (begin, max(begin, end))], patches)

    def shift(self, _: Point | None) -> float:
        """0: each tag states its time."""
        return 0.0

    def _tag(self, at: int, head: bytes) -> Point | None:
        """The tag of this header, if it ends with its own length, as no other bytes are likely to."""
        size = self.TAG + int.from_bytes(head[1:4], "big")
        if self.file.read(at + size, 4) != size.to_bytes(4, "big"):
            return None
        return Point(at, (int.from_bytes(head[4:7], "big") + (head[7] << 24)) / 1000)


def layout(file: RangeReader) -> Layout | None:
    """Read the first tags: the head ends behind the last of them that describes the tracks."""
    at = int.from_bytes(file.read(5, 4), "big") + 4
    head, keyframes = at, 0
    for _ in range(MOST_TAGS):
        tag = file.read(at, Flv.TAG + 2)
        size = Flv.TAG + int.from_bytes(tag[1:4], "big")
        if len(tag) < Flv.TAG + 2 or file.read(at + size, 4) != size.to_bytes(4, "big"):
            break
        if tag[0] == _SCRIPT:
            place = file.read(at, min(size, _SCRIPT_BYTES)).find(Flv.LIST)
            keyframes = at + place if place >= 0 else keyframes
        at += size + 4
        if tag[0] == _SCRIPT or _describes(tag):
            head = at
    return Flv(file, head, keyframes) if at > head else None


def _describes(tag: bytes) -> bool:
    """Whether a tag holds no frame but what the decoder of H.264, of HEVC and AV1 (Enhanced RTMP: a bit, and packet
    type 0) or of AAC needs first."""
    if tag[0] == _PICTURE:
        return tag[11] & 0x8F == 0x80 or (tag[11] & 0x8F == 7 and tag[12] == 0)
    return tag[0] == _SOUND and tag[11] >> 4 == 10 and tag[12] == 0
