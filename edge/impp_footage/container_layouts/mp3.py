"""MP3 at a constant rate, in which the place of a byte is its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from impp_footage import sound_frames
from impp_footage.container_layouts.layout import Layout, Point
from impp_footage.container_layouts.search import FARTHEST, occurrences
from impp_footage.container_layouts.views import Spliced

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader
    from impp_footage.sound_frames import Frame

PLACES = 16
"""Places of a file at which the rate is compared."""
_FRAME = 2048
"""Bytes of the longest frame, and more."""
_FOLLOWERS = 8
"""Frames that are compared at each place."""


@dataclass(frozen=True)
class ConstantRate:
    """A file of frames of `rate` bytes per second, whose heads are alike (`mark`). The demuxer counts their time from
    where it begins."""

    file: RangeReader
    head: int
    rate: float
    mark: bytes

    OPENING: ClassVar[int] = 1 << 16

    def after(self, offset: int, most: int = FARTHEST) -> Point | None:
        for at in occurrences(self.file, b"\xff", max(offset, self.head), _FRAME, most):
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


def layout(file: RangeReader) -> Layout | None:
    """Compare the frames at :data:`PLACES`; None if their rate varies, or a table says so."""
    first = sound_frames.first(file)
    if first is None or first.frame.codec != "mp3" or first.has_table:
        return None
    constant = ConstantRate(file, first.offset, first.frame.rate, first.frame.mark)
    places = (constant.head + (file.size - constant.head) * n // (PLACES + 1) for n in range(PLACES + 1))
    return constant if all(constant.after(place, 2 * _FRAME) for place in places) else None


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
