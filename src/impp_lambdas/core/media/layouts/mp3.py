"""MP3 at a constant rate, in which the place of a byte is its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from impp_footage import sound_frames
from impp_lambdas.core.media.layouts.layout import Layout, Point
from impp_lambdas.core.media.layouts.search import occurrences
from impp_lambdas.core.media.layouts.views import Spliced

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader
    from impp_footage.sound_frames import Frame

PLACES = 16
"""Places of a file at which the rate is compared."""
_FRAME = 2048
"""Bytes of the longest frame, and more."""
_FOLLOWERS = 8
"""Frames that are compared at each place."""
_OPENING = 4096
"""Bytes behind the tags in which the first frame begins."""


@dataclass(frozen=True)
class ConstantRate:
    """A file of frames of `rate` bytes per second, whose heads are alike (`mark`). The demuxer counts their time from
    where it begins."""

    file: RangeReader
    head: int
    rate: float
    mark: bytes

    OPENING: ClassVar[int] = 1 << 16

    def after(self, offset: int) -> Point | None:
        for at in occurrences(self.file, b"\xff", max(offset, self.head), _FRAME):
            frame = head_of(self.file.read(at, 4))
            if frame and frame.mark == self.mark and _is_followed(self.file, at, frame):
                return Point(at, (at - self.head) / self.rate)
        return None

    def view(self, file: Any, first: Point | None, stop: Point | None) -> Any:
        """The frames between."""
        begin, end = first.offset if first else 0, stop.offset if stop else self.file.size
        file.seek(0)
        return Spliced(file, [(begin, max(begin, end))])

    def shift(self, first: Point | None) -> float:
        """The time of `first`: frames do not state theirs."""
        return first.time if first else 0.0


def head_of(data: bytes) -> Frame | None:
    """The frame of MP3 that begins with these bytes."""
    frame = sound_frames.frame(data)
    return frame if frame and frame.codec == "mp3" else None


class First(NamedTuple):
    """The first frame of an MP3 with sound, and whether a table before it states length and places (`Xing`, `VBRI`)."""

    offset: int
    frame: Frame
    has_table: bool


def first_frame(file: RangeReader) -> First | None:
    """Find it behind the tags; None if this is no MP3."""
    start = file.read(0, 10)
    if start[:3] != b"ID3" and not head_of(start):  # of another format, which may have such bytes anywhere
        return None
    at = sound_frames.behind_tags(file)
    data = file.read(at, _OPENING)
    for place in (n for n in range(len(data) - 4) if data[n] == 0xFF):
        if frame := head_of(data[place : place + 4]):
            opening = data[place : place + 64]
            if b"Info" in opening:  # of a constant rate: a frame without sound
                following = head_of(data[place + frame.length :][:4])
                return First(at + place + frame.length, following, has_table=False) if following else None
            return First(at + place, frame, has_table=b"Xing" in opening or b"VBRI" in opening)
    return None


def layout(file: RangeReader) -> Layout | None:
    """Compare the frames at :data:`PLACES`; None if their rate varies, or a table says so."""
    first = first_frame(file)
    if first is None or first.has_table:
        return None
    constant = ConstantRate(file, first.offset, first.frame.rate, first.frame.mark)
    for n in range(PLACES + 1):
        place = constant.head + (file.size - constant.head) * n // (PLACES + 1)
        point = constant.after(place)
        if point is None or point.offset - place > 2 * _FRAME:
            return None
    return constant


def _is_followed(file: RangeReader, at: int, frame: Frame) -> bool:
    """Whether others of the kind, or the end of the file, follow a frame."""
    place, length = 0, frame.length
    data = file.read(at, _FOLLOWERS * (length + 1) + 4)
    for _ in range(_FOLLOWERS):
        place += length
        rest = data[place : place + 4]
        if len(rest) < 4 or rest[:3] == b"TAG":
            return True
        other = head_of(rest)
        if other is None or other.mark != frame.mark:
            return False
        length = other.length
    return True
