"""Extracts the sound of a recording: all of it to FLAC, for originals that Transcribe does not accept, or stretches as
samples.

16 kHz mono is the format of speech recognition; four hours of it stay below 300 MB. Gaps in the sound, and a late start
of the track, become silence, so that the captions match the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Discard

from impp_footage.container_layouts import layout_of
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import sections
from impp_lambdas.core.media.containers import create_sound, open_media
from impp_lambdas.core.media.resampling import Resampler
from impp_lambdas.core.media.speech import RATE

GAP_S = 0.1
"""Shortest gap that is filled; a shorter one is jitter of the timestamps."""
MAX_S = 4.5 * 3600
"""Longest sound that is written: Transcribe takes 4 hours. A timestamp may claim a gap of years."""
SAMPLE = 2
"""Bytes per sample."""
CHUNK = RATE
"""Samples of silence per frame, which bounds the memory."""


def extract(file: Any, path: Path) -> float:
    """Write the first audio track of `file` (read, seek, tell) to `path`. Returns its length in seconds.

    Raises :class:`~impp_lambdas.core.intake.unreadable.Unreadable` if the container does not open or has no audio.
    """
    with open_media(file) as source, create_sound(path) as target:
        track = _sound_of(source)
        encoder = target.add_stream("flac", rate=RATE, layout="mono")
        written = 0
        for frame in _samples(source, track):
            frame.pts = written
            frame.time_base = Fraction(1, RATE)
            written += frame.samples
            if written > MAX_S * RATE:
                raise Unreadable(f"its timestamps span more than {MAX_S / 3600} h")
            target.mux(encoder.encode(frame))
        target.mux(encoder.encode(None))
    return written / RATE


def stretches(file: Any, spans: Iterable[tuple[float, float]]) -> list[bytes]:
    """The sound of each stretch (seconds from the beginning) as 16 kHz mono samples, signed 16-bit little-endian.

    As long as the stretch, shorter where the recording ends in it. Raises
    :class:`~impp_lambdas.core.intake.unreadable.Unreadable` if the container does not open or has no audio.
    """
    if layout_of(file) is not None:
        return [_section(file, start, end) for start, end in spans]
    with open_media(file) as source:
        track = _sound_of(source)
        origin = (source.start_time or 0) / av.time_base
        sound = []
        for start, end in spans:
            with suppress(av.error.FFmpegError):  # not seekable: continue at the current position
                sections.seek(source, track, start + origin)
            sound.append(_stretch(source, track, origin, start, end))
        return sound


def _section(file: Any, start: float, end: float) -> bytes:
    """The sound of a stretch of a file without an index."""
    view, origin = sections.section(file, start, end, is_sound=True)
    with open_media(view) as source:
        begin = (source.start_time or 0) / av.time_base if origin is None else origin
        return _stretch(source, _sound_of(source), begin, start, end)


def _sound_of(source: av.container.InputContainer) -> Any:
    """The first sound track; all others are skipped."""
    if not source.streams.audio:
        raise Unreadable("no audio track")
    track = source.streams.audio[0]
    _discard_others(source, track)
    return track


def _stretch(source: av.container.InputContainer, track: Any, origin: float, start: float, end: float) -> bytes:
    resampler = Resampler("s16", "mono", RATE)
    wanted = round((end - start) * RATE) * SAMPLE
    out = bytearray()
    for frame in _decoded(source, track):
        if frame.time is None:
            continue
        ahead = round((frame.time - origin - start) * RATE) * SAMPLE - len(out)
        if not out and ahead + round(frame.samples / frame.sample_rate * RATE) * SAMPLE <= 0:
            continue  # decoded because the seek landed before the stretch
        if ahead > GAP_S * RATE * SAMPLE:
            out += bytes(min(ahead, wanted - len(out)))
        for piece in resampler.resample(frame):
            samples = bytes(piece.planes[0])[: piece.samples * SAMPLE]
            out += samples[-ahead:] if ahead < 0 and not out else samples
        if len(out) >= wanted:
            break
    return bytes(out[:wanted])


def _discard_others(source: av.container.InputContainer, track: Any) -> None:
    """Make the demuxer skip all other streams, so that their bytes are not fetched."""
    for other in source.streams:
        other.discard = Discard.default if other.index == track.index else Discard.all


def _samples(source: av.container.InputContainer, track: Any) -> Iterator[av.AudioFrame]:
    """All sound from the container's start as 16 kHz mono frames without gaps."""
    origin = (source.start_time or 0) / av.time_base
    resampler = Resampler("s16", "mono", RATE)
    written = 0
    for frame in _decoded(source, track):
        gap = round((frame.time - origin) * RATE) - written if frame.time is not None else 0
        if gap > GAP_S * RATE:
            yield from _silence(gap)
            written += gap
        for piece in resampler.resample(frame):
            written += piece.samples
            yield piece


def _decoded(source: av.container.InputContainer, track: Any) -> Iterator[av.AudioFrame]:
    packets = source.demux(track)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # the end, or a truncated file
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
