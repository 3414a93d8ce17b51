"""The length of AAC in ADTS frames and of MP3 without a table, counted: nothing in such a file states it, and its rate
varies with the sound.

From the rate of its beginning FFmpeg took 90 s of AAC, of which the first 60 were silent, for 496. Counting reads the
whole file: 12 hours at 128 kbit/s are 690 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impp_footage import reader, sound_frames
from impp_lambdas.core.media.layouts import layout_of
from impp_lambdas.core.media.layouts.mp3 import first_frame

_PIECE = 1 << 20
_LARGEST = (1 << 13) - 1

Read = Callable[[bytes, int], tuple[int, float]]
"""Bytes and seconds of the frame that begins at an offset, zeros if none does."""


def length(file: Any) -> float | None:
    """Seconds of a file (read, seek) of such frames; None for any other."""
    file.seek(0)
    start = file.read(sound_frames.HEAD) or b""
    if _adts(start, 0)[0]:
        return _count(file, 0, _adts, start[1:3])
    frame = first_frame(reader.of_file(file))
    if frame is None or frame.has_table or layout_of(file) is not None:
        return None
    return _count(file, frame.offset, _mp3, b"")


def _count(file: Any, start: int, read: Read, mark: bytes) -> float:
    """Seconds of all frames. `mark` is what all begin with after their first byte."""
    file.seek(start)
    data, at, seconds, is_end = b"", 0, 0.0, False
    while not is_end or at < len(data):
        if len(data) - at < 2 * _LARGEST and not is_end:
            more = file.read(_PIECE) or b""
            data, at, is_end = data[at:] + more, 0, not more
        size, lasts = read(data, at) if data[at + 1 : at + 1 + len(mark)] == mark else (0, 0.0)
        if size and _is_followed(data, at, size) and not (mark and _spans_others(data, at, size, mark)):
            seconds += lasts
            at += size
        else:  # damage, or a tag: look for the next one
            following = data.find(b"\xff" + mark, at + 1)
            at = following if following >= 0 else len(data) - (0 if is_end else len(mark))
    return seconds


def _is_followed(data: bytes, at: int, size: int) -> bool:
    """Whether the next frame begins where this one ends."""
    return at + size + 2 >= len(data) or data[at + size] == 0xFF


def _spans_others(data: bytes, at: int, size: int, mark: bytes) -> bool:
    """Whether a frame of ADTS seems to hold two others: its length is damaged, and ends at a frame by chance."""
    inner = data.find(b"\xff" + mark, at + sound_frames.HEAD, at + size)
    step = _adts(data, inner)[0] if inner >= 0 else 0
    return step > 0 and data[inner + step : inner + step + 1 + len(mark)] == b"\xff" + mark


def _adts(data: bytes, at: int) -> tuple[int, float]:
    return _frame(data, at, "aac")


def _mp3(data: bytes, at: int) -> tuple[int, float]:
    return _frame(data, at, "mp3")


def _frame(data: bytes, at: int, codec: str) -> tuple[int, float]:
    frame = sound_frames.frame(data[at : at + sound_frames.HEAD])
    return (frame.length, frame.seconds) if frame and frame.codec == codec else (0, 0.0)
