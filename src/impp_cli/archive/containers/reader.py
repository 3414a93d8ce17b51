"""What a reader of a container gets and returns, and why a file may have no quote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from impp_footage import formats
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

Reader = Callable[[RangeReader, bytes], Streams]
"""Reads a file, of which it gets the first bytes, too. Raises `Unpriced`, or an exception of `MISTAKES` for damage."""
MISTAKES: Final = (ArithmeticError, IndexError, LookupError, StopIteration, ValueError)
"""What a reader of damaged bytes raises, besides struct.error."""
_DECODED_HERE: Final = frozenset(row.name for row in formats.FORMATS if row.demuxer and not row.is_encodable)
"""Containers that MediaConvert does not read, so that our function makes their renditions, or nobody."""


class Unpriced(Exception):
    """Why a file has no quote, as a clause that follows the file's container."""


def video(
    container: str,
    seconds: float,
    size: tuple[int, int] | None,
    fps: float | None,
    codec: str | None,
    sound: str | None,
) -> Streams:
    """A recording with a picture; `sound` is the codec of its sound, None without any."""
    width, height = size if size and all(size) else (None, None)
    streams = Streams(
        "video", round(seconds, 3), width, height, 0, fps, codec, sound, sound is not None, container, video_tracks=1
    )
    return replace(streams, is_encodable=container not in _DECODED_HERE)


def audio(container: str, seconds: float, codec: str) -> Streams:
    """A recording of sound alone."""
    streams = Streams("audio", round(seconds, 3), None, None, 0, None, None, codec, True, container, video_tracks=0)
    return replace(streams, is_encodable=container not in _DECODED_HERE)
