"""Media files: what is in them (PyAV), and ffmpeg as a child process (the binary of `imageio-ffmpeg`).

Input is never trusted. A file name reaches ffmpeg only as `file:/absolute/path`, never a shell or an option; only the
`file` protocol and real container formats are allowed, so a playlist cannot make it read something else.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

FORMATS = "mov,matroska,mxf,wav,avi,mpegts,mpeg,mp3,flac,asf,ogg,aac,ac3,eac3"
"""Demuxers that may open a file: containers that hold media themselves, no playlists."""

_OPEN = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
_SAMPLE_RATE = 16_000
_LOG_LIMIT = 4_000


class MediaError(ValueError):
    """A file that is no media or a broken one. `reason` is one of `empty`, `not_media`, `no_moov`, `corrupt`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Canceled(Exception):
    """ffmpeg was stopped because the caller asked for it."""


class FfmpegError(RuntimeError):
    """ffmpeg ended with an error; the message is what it said last."""


class TooSlow(FfmpegError):
    """ffmpeg took longer than it may."""


@dataclass(frozen=True)
class Track:
    """One stream. `kind` is `video`, `audio` or `data`; `codec` ffmpeg's name; bit rates in bits per second.

    `width` and `height` are as coded, before `rotation` (clockwise degrees to show it upright: 0, 90, 180, 270).
    """

    index: int
    kind: str
    codec: str
    duration_s: float | None = None
    bit_rate: int | None = None
    language: str | None = None
    width: int = 0
    height: int = 0
    rotation: int = 0
    frame_rate: Fraction | None = None
    bit_depth: int | None = None
    pixel_format: str | None = None
    profile: str | None = None
    level: int | None = None
    aspect: Fraction | None = None
    color: tuple[int, int, int] = (2, 2, 2)
    channels: int = 0
    sample_rate: int = 0
    layout: str | None = None


@dataclass(frozen=True)
class Media:
    """A media file: container format (ffmpeg's names, comma-separated), seconds, bytes, tracks."""

    format: str
    brand: str
    duration_s: float
    size: int
    tracks: tuple[Track, ...]

    @property
    def video(self) -> Track | None:
        """The first track of moving pictures (not a cover image)."""
        return next((t for t in self.tracks if t.kind == "video"), None)

    @property
    def audio(self) -> Track | None:
        """The first audio track."""
        return next((t for t in self.tracks if t.kind == "audio"), None)


def probe(path: Path) -> Media:
    """Read a file's headers and its first video frame. Raises `MediaError` when there is nothing to play in it."""
    size = path.stat().st_size
    if size == 0:
        raise MediaError("empty", "the file is empty")
    try:
        with av.open(f"file:{path.absolute()}", options=dict(_OPEN)) as container:
            tracks = tuple(_track(container, stream) for stream in container.streams)
            if not any(t.kind in ("video", "audio") for t in tracks):
                raise MediaError("corrupt", "no audio or video was found in the file")
            duration = (container.duration or 0) / av.time_base
            brand = container.metadata.get("major_brand", "").strip()
            if not duration:
                duration = max((t.duration_s or 0.0 for t in tracks), default=0.0)
            return Media(container.format.name, brand, duration, size, tracks)
    except MediaError:
        raise
    except (FFmpegError, ValueError, OSError) as error:
        if is_mp4(path):
            reason = "corrupt" if has_box(path, b"moov") else "no_moov"
            raise MediaError(reason, str(error)) from error
        raise MediaError("not_media", str(error)) from error


def _track(container: Any, stream: Any) -> Track:
    context = stream.codec_context
    base: dict[str, Any] = {
        "index": stream.index,
        "kind": stream.type if stream.type in ("video", "audio") else "data",
        "codec": getattr(context, "name", None) or "unknown",
        "duration_s": float(stream.duration * stream.time_base) if stream.duration else None,
        "language": stream.metadata.get("language"),
    }
    if context is not None:
        base["bit_rate"] = getattr(context, "bit_rate", None)
    if stream.type == "video":
        base.update(_video(container, stream, context))
    elif stream.type == "audio":
        base.update(
            channels=context.channels,
            sample_rate=context.sample_rate,
            layout=context.layout.name,
            bit_depth=context.format.bits if context.format else None,
        )
    return Track(**base)


def _video(container: Any, stream: Any, context: Any) -> dict[str, Any]:
    pixel = context.format
    facts: dict[str, Any] = {
        "width": context.width,
        "height": context.height,
        "frame_rate": _rate(stream),
        "bit_depth": pixel.components[0].bits if pixel else None,
        "pixel_format": pixel.name if pixel else None,
        "profile": context.profile,
        "level": getattr(context, "level", None),
        "aspect": stream.sample_aspect_ratio or None,
        "color": (context.color_primaries, context.color_trc, context.colorspace),
        "rotation": _rotation(container, stream),
    }
    if stream.disposition & av.stream.Disposition.attached_pic:
        facts["kind"] = "data"  # a cover image is no video
    return facts


def _rate(stream: Any) -> Fraction | None:
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate).limit_denominator(1001) if rate else None


def _rotation(container: Any, stream: Any) -> int:
    """Clockwise, from the display matrix, which ffmpeg hands on with the frames counter-clockwise."""
    try:
        frame = next(container.decode(stream))
    except (StopIteration, FFmpegError):
        return 0
    finally:
        container.seek(0)
    return int(-round(frame.rotation) % 360)


def is_mp4(path: Path) -> bool:
    """Whether the file begins like an MP4 or QuickTime file."""
    with path.open("rb") as file:
        return file.read(12)[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def boxes(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Top-level boxes of an MP4: type, offset, declared size in bytes (which may go beyond the end of the file)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1 and len(head) == 16:
                length = int.from_bytes(head[8:], "big")
            elif length == 0:
                length = size - at
            if length < 8:
                return
            yield head[4:8], at, length
            at += length


def has_box(path: Path, kind: bytes) -> bool:
    """Whether the MP4 has a whole top-level box of that kind."""
    size = path.stat().st_size
    return any(found == kind and at + length <= size for found, at, length in boxes(path))


def truncated_at(path: Path) -> int | None:
    """The size of an MP4 that ends before its last box does; None when the file is whole or no MP4."""
    if not is_mp4(path):
        return None
    size = path.stat().st_size
    return next((size for _, at, length in boxes(path) if at + length > size), None)


def audio_windows(path: Path, seconds: float) -> Iterator[NDArray[np.float32]]:
    """The first audio track as mono 16 kHz samples in -1..1, in pieces of `seconds`, so that memory stays small.

    Raises `MediaError` when there is no audio or it cannot be decoded.
    """
    limit = int(seconds * _SAMPLE_RATE)
    parts: list[NDArray[np.float32]] = []
    held = 0
    try:
        with av.open(f"file:{path.absolute()}", options=dict(_OPEN)) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", "the file has no audio track")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=_SAMPLE_RATE)
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    parts.append(_samples(part))
                    held += parts[-1].size
                if held >= limit:
                    yield np.concatenate(parts)
                    parts, held = [], 0
            parts += [_samples(part) for part in resampler.resample(None)]
    except (FFmpegError, OSError) as error:
        raise MediaError("corrupt", f"the audio cannot be decoded: {error}") from error
    if parts:
        yield np.concatenate(parts)


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)


@lru_cache(maxsize=1)
def ffmpeg() -> str:
    """The path of the ffmpeg binary."""
    import imageio_ffmpeg  # type: ignore[import-untyped]

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def input_options(path: Path) -> list[str]:
    """ffmpeg's arguments for an input file: only this file, only as a container of media."""
    return ["-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-i", f"file:{path.absolute()}"]


def output_path(path: Path) -> str:
    """An output file as ffmpeg's last argument."""
    return f"file:{path.absolute()}"


def run(
    arguments: list[str],
    *,
    timeout_s: float,
    canceled: threading.Event | None = None,
    on_time: Callable[[float], None] | None = None,
) -> str:
    """Run ffmpeg and wait; returns what it said on stderr.

    `on_time` gets the seconds of output written so far, about twice a second. Raises `FfmpegError` on failure,
    `TooSlow` when it takes longer than `timeout_s`, `Canceled` soon after `canceled` is set; the process is gone then.
    """
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "warning", "-progress", "pipe:1", "-y", *arguments]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603  # arguments are ours; file names come as file:/absolute
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
        )
        why = _Watch(process, time.monotonic() + timeout_s, canceled)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                key, _, value = line.strip().partition("=")
                if key == "out_time_us" and value.lstrip("-").isdigit() and on_time:
                    on_time(max(0, int(value)) / 1e6)
            code = process.wait()
        finally:
            why.stop()
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        log.seek(max(0, log.seek(0, 2) - _LOG_LIMIT))
        said = log.read().decode(errors="replace")
    if why.canceled:
        raise Canceled
    if why.late:
        raise TooSlow(f"ffmpeg took longer than {timeout_s:.0f} s")
    if code != 0:
        raise FfmpegError(said.strip() or f"ffmpeg ended with status {code}")
    return said


class _Watch:
    """Ends a process when the time is over or the caller does not want it any more."""

    def __init__(self, process: subprocess.Popen[str], deadline: float, canceled: threading.Event | None) -> None:
        self.canceled = self.late = False
        self._process, self._deadline, self._event = process, deadline, canceled
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ffmpeg-watch", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            if self._event is not None and self._event.is_set():
                self.canceled = True
            elif time.monotonic() > self._deadline:
                self.late = True
            if self.canceled or self.late:
                self._process.kill()
                return

    def stop(self) -> None:
        self._done.set()
        self._thread.join()
