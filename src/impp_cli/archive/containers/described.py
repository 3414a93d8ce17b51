"""The streams of a file as a reader describes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

Reader = Callable[[RangeReader, bytes], Streams | None]
"""Reads a file, of which it gets the first bytes, too. None, or an exception of `MISTAKES`: it does not state its
streams, or is damaged."""
MISTAKES: Final = (ArithmeticError, IndexError, LookupError, ValueError)
"""What a reader of damaged bytes raises, besides struct.error."""


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
    return Streams(
        "video", round(seconds, 3), width, height, 0, fps, codec, sound, sound is not None, container, video_tracks=1
    )


def audio(container: str, seconds: float, codec: str) -> Streams:
    """A recording of sound alone."""
    return Streams("audio", round(seconds, 3), None, None, 0, None, None, codec, True, container, video_tracks=0)
