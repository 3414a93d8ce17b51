"""Encodes a proxy: a small H.264 and AAC rendition of a recording, in one pass over the file.

The picture is upright, has square pixels, BT.709 colours of standard range and closed GOPs of :data:`GOP_S`; `moov`
comes first. Gaps in the sound become silence; a picture stays until the next one, so that a variable rate needs no
copies. Damaged parts are skipped: the caller compares the length with the original's.

The choices of :class:`Effort` were measured: docs/design/performance/models.md, "Proxies".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import av.error
from av.sidedata.sidedata import Type as SideData
from av.stream import Discard, Disposition
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from impp_footage.orientation import UPRIGHT, Orientation, of_side_data
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import tone
from impp_lambdas.core.media.containers import create_mp4, open_media
from impp_lambdas.core.media.resampling import Resampler

GOP_S = 2
AUDIO_RATE, MONO_BITRATE, STEREO_BITRATE = 48_000, 48_000, 64_000
GAP_S = 0.1
"""Shortest gap in the sound that is filled; a shorter one is jitter of the timestamps."""
OVERRUN_S = 60.0
"""How far beyond the stated length, or a jump ahead, timestamps are believed."""
SLACK = Fraction(1, 4)
"""Share of a picture's time by which it may come early: timestamps are rounded, to 10 ms in WebM."""
_BT709, _LIMITED = 1, 1
"""ISO/IEC 23091-2; libavutil's AVCOL_RANGE_MPEG."""
_SD_LINES = 576
"""A picture of more lines that states no colour space has BT.709's."""
_TURN = {90: "clock", 180: None, 270: "cclock"}


class IsLate(Protocol):
    """Whether the time is used up."""

    def __call__(self) -> bool: ...


@dataclass(frozen=True)
class Effort:
    """How much processor time a proxy may take: the decoder's deblocking, the scaler, x264's preset and quality, and
    more of x264's own settings, each after a colon."""

    skip_loop_filter: str = "all"
    scaler: str = "AREA"
    preset: str = "superfast"
    crf: int = 26
    skip_frame: str = "DEFAULT"
    x264: str = ":mbtree=1:rc-lookahead=10:bframes=1:b-adapt=0"


@dataclass(frozen=True)
class Size:
    """What is asked for: the upright size in pixels, both even, None for sound alone; the most pictures per second;
    `max_bitrate` in bit/s; `duration_s` of the original, 0 if unknown. `track` counts the tracks of moving pictures;
    that after the first has its own size, at most the one asked for, and no sound."""

    width: int | None
    height: int | None
    fps: Fraction
    max_bitrate: int
    duration_s: float
    track: int = 1


@dataclass(frozen=True)
class Proxy:
    """Seconds of what was written, the pictures and their size, and whether the original was read to its end."""

    seconds: float
    pictures: int
    is_complete: bool
    width: int | None
    height: int | None


def group_slots(fps: Fraction) -> int:
    """Pictures of a closed group at a constant rate."""
    return max(1, round(GOP_S * fps))


def encode(file: Any, path: Path, size: Size, is_late: IsLate, effort: Effort | None = None) -> Proxy:
    """Write a proxy of `file` (read, seek, tell) to `path`.

    Raises :class:`~impp_lambdas.core.intake.unreadable.Unreadable` if nothing can be decoded.
    """
    with open_media(file) as source, create_mp4(path) as target:
        tracks: list[Track] = []
        videos = [s for s in source.streams.video if not s.disposition & Disposition.attached_pic]
        if size.width and len(videos) >= size.track:
            video = videos[size.track - 1]
            size = size if size.track == 1 else _own(video, size)
            tracks.append(Pictures(video, target, size, effort or Effort(), path.with_suffix(".cube")))
        if size.track == 1 and source.streams.audio and source.streams.audio[0].codec_context is not None:
            tracks.append(_Sound(source.streams.audio[0], target))
        nothing = Unreadable("no picture of the video could be decoded" if size.width else "no sound could be decoded")
        if not tracks:
            raise nothing
        is_complete = transcode(source, {track.index: track for track in tracks}, size, is_late)
        for track in tracks:
            track.finish()
        seconds = max((track.seconds for track in tracks), default=0.0)
        if not seconds or (size.width and not tracks[0].seconds):
            raise nothing
    pictures = tracks[0].count if isinstance(tracks[0], Pictures) else 0
    return Proxy(round(seconds, 3), pictures, is_complete, size.width, size.height)


def _own(video: Any, size: Size) -> Size:
    """The size of a further track: not larger than its pictures, whose shape it has; turned like the first track."""
    assert size.width and size.height
    aspect = float(video.sample_aspect_ratio or 1) or 1.0
    width, height = video.width * max(1.0, aspect), video.height / min(1.0, aspect)
    if (width > height) != (size.width > size.height):
        width, height = height, width
    scale = min(1.0, min(size.width, size.height) / max(1.0, min(width, height)))
    return replace(size, width=_even(width * scale), height=_even(height * scale))


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))


def transcode(
    source: av.container.InputContainer,
    tracks: Mapping[int, Track],
    size: Size,
    is_late: IsLate,
    origin: float | None = None,
) -> bool:
    """Feed the tracks, by index of their streams, with what is decoded; returns whether the end was reached. `origin`
    is the container's time of the first moment, by default that of what it holds."""
    for stream in source.streams:
        stream.discard = Discard.default if stream.index in tracks else Discard.all
    begin = Fraction(source.start_time or 0, av.time_base) if origin is None else Fraction(origin)
    end = size.duration_s + OVERRUN_S if size.duration_s else math.inf
    packets = source.demux([s for s in source.streams if s.index in tracks])
    while True:
        if is_late():
            return False
        try:
            packet = next(packets)
        except StopIteration:
            return True
        except av.error.FFmpegError:  # a truncated file
            return True
        track = tracks[packet.stream.index]
        with suppress(av.error.InvalidDataError):  # a damaged packet: try the next one
            frames: list[Any] = packet.decode()  # of subtitles too, by its annotation
            for frame in frames:
                if frame.pts is not None and frame.time_base and not frame.is_corrupt:
                    at = frame.pts * frame.time_base - begin
                    if -OVERRUN_S < at < min(end, track.seconds + OVERRUN_S + size.duration_s):
                        track.add(frame, max(Fraction(0), at))


class Track(Protocol):
    """Takes the decoded frames of a stream, each `at` seconds from the start; `seconds` is what it has written."""

    index: int
    seconds: float

    def add(self, frame: Any, at: Fraction) -> None: ...
    def finish(self) -> None: ...


class Pictures:
    """The pictures that are kept, at most one per slot of the constant rate, from slot `first` on. A picture whose slot
    is the first of its group of :func:`group_slots` is a keyframe: `groups` has their slots."""

    def __init__(self, stream: Any, target: Any, size: Size, effort: Effort, cube: Path, first: int = 0) -> None:
        assert size.width and size.height
        self.index, self.seconds, self.count = stream.index, float(first / size.fps), 0
        self.groups: list[int] = []
        self._size, self._effort, self._target, self._cube = size, effort, target, cube
        self._slot, self._group_slots = first - 1, group_slots(size.fps)
        self._process: Callable[[Any], Any] | None = None
        self._shape: tuple[Any, ...] | None = None
        stream.codec_context.options = {"skip_loop_filter": effort.skip_loop_filter}
        stream.codec_context.thread_count = 1  # a function has one core
        stream.codec_context.skip_frame = effort.skip_frame
        encoder = target.add_stream("libx264", rate=size.fps)
        encoder.width, encoder.height, encoder.pix_fmt = size.width, size.height, "yuv420p"
        context = encoder.codec_context
        context.time_base = 1 / size.fps
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        context.sample_aspect_ratio = Fraction(1)
        context.gop_size = self._group_slots
        context.thread_count = 1
        kilobits = max(100, size.max_bitrate // 1000)
        context.options = {
            "preset": effort.preset,
            "crf": str(effort.crf),
            "profile": "high",
            "forced-idr": "1",
            "x264-params": f"vbv-maxrate={kilobits}:vbv-bufsize={2 * kilobits}:scenecut=0:open-gop=0{effort.x264}",
        }
        self._encoder = encoder

    def add(self, frame: Any, at: Fraction) -> None:
        slot = math.floor(at * self._size.fps + SLACK)
        if slot <= self._slot:
            return
        self._slot, self.count = slot, self.count + 1
        self.seconds = float((slot + 1) / self._size.fps)
        small = self._prepared(frame)
        small.pts, small.time_base, small.pict_type = slot, 1 / self._size.fps, 0
        if not self.groups or slot // self._group_slots > self.groups[-1] // self._group_slots:
            self.groups.append(slot)
            small.pict_type = PictureType.I
        self._target.mux(self._encoder.encode(small))

    def finish(self) -> None:
        self._target.mux(self._encoder.encode(None))

    def _prepared(self, frame: Any) -> Any:
        matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
        orientation = of_side_data(bytes(matrix)) if matrix else UPRIGHT
        shape = (frame.width, frame.height, frame.format.name, frame.color_trc, orientation)
        if shape != self._shape:  # in mid-file too: a phone that changes its lens
            self._shape, self._process = shape, self._processing(frame, orientation)
        assert self._process
        return self._process(frame)

    def _processing(self, frame: Any, orientation: Orientation) -> Callable[[Any], Any]:
        """What turns a decoded picture into the proxy's: scale first, the rest costs little then."""
        width, height = self._size.width, self._size.height
        if orientation.rotation in (90, 270):
            width, height = height, width
        space = _colour_space(frame)
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        is_hdr = frame.color_trc in tone.CURVES
        filters = _filters(orientation)
        scaling: dict[str, Any] = {
            "width": width,
            "height": height,
            "interpolation": self._effort.scaler,
            "src_colorspace": space,
            "src_color_range": ColorRange.JPEG if full else ColorRange.MPEG,
            "threads": 1,
        }
        if is_hdr:
            self._cube.write_text(tone.cube(frame.color_trc), encoding="ascii")
            scaling |= {"format": "gbrp10le", "dst_colorspace": space}
            filters = [f"lut3d=file={self._cube}:interp=trilinear", *filters]
        else:
            scaling |= {"format": "yuv420p", "dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
        graph = _graph(filters, scaling["format"], width, height) if filters else None
        to_709 = {
            "format": "yuv420p",
            "dst_colorspace": Colorspace.ITU709,
            "dst_color_range": ColorRange.MPEG,
            "threads": 1,
        }

        def process(picture: Any) -> Any:
            small = picture.reformat(**scaling)
            if graph is not None:
                small.pts = None
                graph.push(small)
                small = graph.pull()
            return small.reformat(**to_709) if is_hdr else small

        return process


def _colour_space(frame: Any) -> int:
    if frame.colorspace in (1, 4, 7, 9):
        return int(frame.colorspace)
    if frame.colorspace in (5, 6):
        return int(Colorspace.ITU601)
    return int(Colorspace.ITU709 if frame.height > _SD_LINES else Colorspace.ITU601)


def _filters(orientation: Orientation) -> list[str]:
    """Mirroring comes before the rotation."""
    filters = ["hflip"] if orientation.is_mirrored else []
    if orientation.rotation == 180:
        return [*filters, "hflip", "vflip"]
    return [*filters, f"transpose={_TURN[orientation.rotation]}"] if orientation.rotation else filters


def _graph(filters: list[str], pixels: str, width: int | None, height: int | None) -> Any:
    graph = av.filter.Graph()
    last = graph.add_buffer(width=width, height=height, format=av.VideoFormat(pixels), time_base=Fraction(1, 1000))
    for text in (*filters, "buffersink"):
        name, _, arguments = text.partition("=")
        node = graph.add(name, arguments or None)
        last.link_to(node)
        last = node
    graph.configure()
    return graph


class _Sound:
    """The first sound track as AAC, without gaps from the container's start."""

    def __init__(self, stream: Any, target: Any) -> None:
        self.index, self.seconds = stream.index, 0.0
        is_mono = stream.codec_context.channels == 1
        layout = "mono" if is_mono else "stereo"
        self._target, self._written, self._layout = target, 0, layout
        self._encoder = target.add_stream("aac", rate=AUDIO_RATE, layout=layout)
        self._encoder.codec_context.bit_rate = MONO_BITRATE if is_mono else STEREO_BITRATE
        self._encoder.codec_context.time_base = Fraction(1, AUDIO_RATE)
        self._encoder.codec_context.options = {"aac_coder": "fast"}  # a quarter of the time, and nearer to the original
        self._resampler = Resampler("fltp", layout, AUDIO_RATE)

    def add(self, frame: Any, at: Fraction) -> None:
        gap = round(at * AUDIO_RATE) - self._written
        if gap > GAP_S * AUDIO_RATE:
            for silence in _silence(gap, self._layout):
                self._write(silence)
        for piece in self._resampler.resample(frame):
            self._write(piece)

    def finish(self) -> None:
        self._target.mux(self._encoder.encode(None))

    def _write(self, frame: Any) -> None:
        frame.pts, frame.time_base = self._written, Fraction(1, AUDIO_RATE)
        self._written += frame.samples
        self.seconds = self._written / AUDIO_RATE
        self._target.mux(self._encoder.encode(frame))


def _silence(samples: int, layout: str) -> Iterator[Any]:
    while samples > 0:
        frame = av.AudioFrame(format="fltp", layout=layout, samples=min(samples, AUDIO_RATE))
        frame.sample_rate = AUDIO_RATE
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        yield frame
        samples -= frame.samples
