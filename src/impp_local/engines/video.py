"""Media files: probing them (PyAV), and ffmpeg as a child process (the binary of `imageio-ffmpeg`).

Input is never trusted: as in `impp_engines.media`, and a file name never reaches a shell or becomes an option.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideData

from impp_engines.media import MediaError, open_media
from impp_footage import boxes, reader
from impp_footage.boxes import Box
from impp_footage.formats import BOXED_FIRST, FORMATS
from impp_footage.orientation import UPRIGHT, Orientation, of_side_data
from impp_local.kernel import children

DEMUXERS = ",".join(row.demuxer for row in FORMATS if row.is_encodable)
"""FFmpeg's demuxers for what MediaConvert reads."""

_LOG_LIMIT = 4_000


class Canceled(Exception):
    """The caller stopped ffmpeg."""


class FfmpegError(RuntimeError):
    """ffmpeg failed; the message is the end of its log."""


class TooSlow(FfmpegError):
    """ffmpeg exceeded its time limit."""


@dataclass(frozen=True)
class Track:
    """One stream. `kind` is `video`, `audio` or `data`; `codec` ffmpeg's name; bit rates in bits per second.

    `width` and `height` are as coded, before `rotation` (clockwise degrees to show it upright: 0, 90, 180, 270)
    and, before that, `is_mirrored` (left and right are swapped).
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
    is_mirrored: bool = False
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
    is_fragmented: bool = False

    @property
    def video(self) -> Track | None:
        """The first track of moving pictures (not a cover image)."""
        return next((t for t in self.tracks if t.kind == "video"), None)

    @property
    def audio(self) -> Track | None:
        """The first audio track."""
        return next((t for t in self.tracks if t.kind == "audio"), None)


def probe(path: Path) -> Media:
    """Read a file's headers and first video frame. Raises `MediaError` when it holds nothing to play."""
    size = path.stat().st_size
    if size == 0:
        raise MediaError("empty", "the file is empty")
    try:
        with open_media(path, DEMUXERS) as container:
            tracks = tuple(_track(container, stream) for stream in container.streams)
            if not any(t.kind in ("video", "audio") for t in tracks):
                raise MediaError("corrupt", "the file holds no audio or video")
            duration = (container.duration or 0) / av.time_base
            brand = container.metadata.get("major_brand", "").strip()
            if not duration:
                duration = max((t.duration_s or 0.0 for t in tracks), default=0.0)
            is_fragmented = any(box.kind == b"moof" for box in _boxes(path))
            return Media(container.format.name, brand, duration, size, tracks, is_fragmented)
    except MediaError:
        raise
    except (FFmpegError, ValueError, OSError) as error:
        top_level = _boxes(path)
        indexed = any(box.kind == b"moov" and box.end <= size for box in top_level)
        reason = "corrupt" if indexed else "no_moov" if top_level else "not_media"
        raise MediaError(reason, str(error)) from error


def _track(container: Any, stream: Any) -> Track:
    context = stream.codec_context
    base: dict[str, Any] = {
        "index": stream.index,
        "kind": stream.type if stream.type in ("video", "audio") else "data",
        "codec": getattr(context, "name", None) or "unknown",
        "duration_s": float(stream.duration * stream.time_base) if stream.duration else None,
        "language": stream.metadata.get("language"),
    }
    if context is None:  # a codec that FFmpeg does not know
        return Track(**base)
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
    }
    facts["rotation"], facts["is_mirrored"] = _orientation(container, stream)
    if stream.disposition & av.stream.Disposition.attached_pic:
        facts["kind"] = "data"  # a cover image is not video
    return facts


def _rate(stream: Any) -> Fraction | None:
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate).limit_denominator(1001) if rate else None


def _orientation(container: Any, stream: Any) -> Orientation:
    """ffmpeg reports the display matrix with each frame."""
    try:
        frame = next(container.decode(stream))
    except (StopIteration, FFmpegError):
        return UPRIGHT
    finally:
        container.seek(0)
    matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
    return of_side_data(bytes(matrix) if matrix else None)


def truncated_at(path: Path) -> int | None:
    """The file's size if it is an MP4 that ends before its last box does; None if it is complete or not an MP4."""
    size = path.stat().st_size
    return size if any(box.end > size for box in _boxes(path)) else None


def _boxes(path: Path) -> list[Box]:
    """The top-level boxes of an MP4 or QuickTime file, none of another."""
    with path.open("rb") as file:
        source = reader.of_file(file)
        return list(boxes.walk(source)) if source.read(4, 4) in BOXED_FIRST else []


@lru_cache(maxsize=1)
def ffmpeg() -> str:
    """The path of the ffmpeg binary."""
    import imageio_ffmpeg  # type: ignore[import-untyped]

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def input_options(path: Path) -> list[str]:
    """ffmpeg's arguments for an input file; it opens this file alone, and only as a media container."""
    return ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-i", f"file:{path.absolute()}"]


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
    """Run ffmpeg and wait; returns the end of its stderr.

    `on_time` receives the seconds of output written so far, about twice per second. Raises `FfmpegError` on failure,
    `TooSlow` after `timeout_s`, and `Canceled` soon after `canceled` is set; the process has ended in every case.
    """
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "warning", "-progress", "pipe:1", "-y", *arguments]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603  # arguments are ours; file names come as file:/absolute
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            process_group=children.group(),
        )
        watchdog = _Watchdog(process, time.monotonic() + timeout_s, canceled)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                key, _, value = line.strip().partition("=")
                if key == "out_time_us" and value.lstrip("-").isdigit() and on_time:
                    on_time(max(0, int(value)) / 1e6)
            code = process.wait()
        finally:
            watchdog.stop()
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        log.seek(max(0, log.seek(0, 2) - _LOG_LIMIT))
        messages = log.read().decode(errors="replace")
    if watchdog.canceled:
        raise Canceled
    if watchdog.late:
        raise TooSlow(f"ffmpeg took longer than {timeout_s:.0f} s")
    if code != 0:
        raise FfmpegError(messages.strip() or f"ffmpeg ended with status {code}")
    return messages


class _Watchdog:
    """Kills a process at its deadline or when the caller cancels it."""

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
