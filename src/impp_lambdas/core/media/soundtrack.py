"""The sound of a recording as a FLAC file, for originals that Transcribe does not take as they are.

16 kHz mono is what speech recognition works in; four hours of it stay below 300 MB. Holes in the sound, and a track
that begins late, become silence: the captions then fit the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Discard

from impp_lambdas.core.media.recording import Unreadable
from impp_lambdas.core.media.speech import RATE

HOLE_S = 0.1
"""Shortest hole that is filled; less is the jitter of time stamps."""
CHUNK = RATE
"""Samples of silence in one frame, so that an hour of it takes no memory."""


def extract(file: Any, path: Path) -> float:
    """Write the first audio track of ``file`` (read, seek, tell) to ``path``. Returns its length in seconds.

    Raises :class:`~impp_lambdas.core.media.recording.Unreadable` where the container does not open or has no audio.
    """
    try:
        source = av.open(file, mode="r", metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Unreadable(f"container does not open: {error}") from error
    with source, av.open(str(path), "w", format="flac") as target:
        if not source.streams.audio:
            raise Unreadable("no audio track")
        encoder = target.add_stream("flac", rate=RATE, layout="mono")
        written = 0
        for frame in _samples(source):
            frame.pts = written
            frame.time_base = Fraction(1, RATE)
            written += frame.samples
            target.mux(encoder.encode(frame))
        target.mux(encoder.encode(None))
    return written / RATE


def _samples(source: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """All sound as 16 kHz mono frames without gaps from the container's start on."""
    track = source.streams.audio[0]
    for other in source.streams:
        other.discard = Discard.default if other.index == track.index else Discard.all
    origin = (source.start_time or 0) / av.time_base
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    written = 0
    for frame in _decoded(source, track):
        hole = round((frame.time - origin) * RATE) - written if frame.time is not None else 0
        if hole > HOLE_S * RATE:
            yield from _silence(hole)
            written += hole
        for piece in resampler.resample(frame):
            written += piece.samples
            yield piece


def _decoded(source: av.container.InputContainer, track: Any) -> Iterator[av.AudioFrame]:
    packets = source.demux(track)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # the end, or the cut tail
            return
        with suppress(av.error.FFmpegError):
            yield from packet.decode()


def _silence(samples: int) -> Iterator[av.AudioFrame]:
    while samples > 0:
        count = min(samples, CHUNK)
        frame = av.AudioFrame(format="s16", layout="mono", samples=count)
        frame.sample_rate = RATE
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        yield frame
        samples -= count
