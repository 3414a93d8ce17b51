"""Media files from anywhere: opened safely, and their sound decoded.

Input is never trusted. A file name reaches ffmpeg's libraries only as `file:/absolute/path`; only the `file` protocol
and real container formats are allowed, so a playlist cannot make them read something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from impp_footage.formats import DEMUXERS

if TYPE_CHECKING:
    from av.container import InputContainer


SAMPLE_RATE = 16_000
"""Samples per second of decoded sound, as speech models expect them."""

Samples = NDArray[np.float32]


class MediaError(ValueError):
    """A file that cannot be used. `reason` is `empty`, `not_media`, `no_moov`, `no_audio` or `corrupt`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def open_media(path: Path, demuxers: str = DEMUXERS) -> InputContainer:
    """The opened file, a context manager; `demuxers` (FFmpeg's names) may open it. Raises FFmpegError, ValueError or
    OSError when it is not media."""
    return av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file", "format_whitelist": demuxers})


def audio_windows(path: Path, seconds: float) -> Iterator[Samples]:
    """The first audio track as mono samples (full scale 1.0) at `SAMPLE_RATE`, in windows of `seconds` to bound memory.

    Raises `MediaError` when there is no audio or it cannot be decoded.
    """
    limit = int(seconds * SAMPLE_RATE)
    parts: list[Samples] = []
    size = 0
    try:
        with open_media(path) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", "the file has no audio track")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    parts.append(_samples(part))
                    size += parts[-1].size
                if size >= limit:
                    yield np.concatenate(parts)
                    parts, size = [], 0
            parts += [_samples(part) for part in resampler.resample(None)]
    except (FFmpegError, OSError) as error:
        raise MediaError("corrupt", f"the audio cannot be decoded: {error}") from error
    if parts:
        yield np.concatenate(parts)


def _samples(frame: av.AudioFrame) -> Samples:
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
