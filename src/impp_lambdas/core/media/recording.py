"""Reads upright pictures at given times, and sound of given windows, from a seekable file, and nothing else.

Copes with what cameras write: no video or no audio track, variable frame rate, a start time other than zero, display
rotation and mirroring, non-square pixels, a truncated end. Damaged parts are skipped;
:class:`~impp_lambdas.core.intake.unreadable.Unreadable` is raised only if the container does not open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import av
import av.error
from av.sidedata.sidedata import Type as SideData
from av.stream import Discard, Disposition
from PIL import Image

from impp_footage.orientation import of_side_data
from impp_lambdas.core.media import sections
from impp_lambdas.core.media.bounds import FORWARD_FRAMES
from impp_lambdas.core.media.containers import open_media
from impp_lambdas.core.media.pictures import LONG_SIDE, fit, upright
from impp_lambdas.core.media.resampling import Resampler
from impp_lambdas.core.media.speech import RATE

SEARCH_PACKETS = 5000
"""Most packets that are read for one picture: some 30 s of a file without an index."""

IsLate = Callable[[], bool]
"""Whether the time is used up. Reading then stops early."""


class Recording:
    """An open container, as a context manager. `file` needs read, seek and tell. Of a long file, what is outside of
    `part` (start and end in seconds) may be missing.

    `video` and `audio` are the tracks that are read, or None; `origin` is the container's time of the first moment.
    """

    def __init__(self, file: Any, part: tuple[float, float] | None = None) -> None:
        view, origin = sections.section(file, *(part or (0.0, math.inf)))
        self.has_index = origin is None
        self.container = open_media(view)
        streams = self.container.streams
        self.video = next((s for s in streams.video if not s.disposition & Disposition.attached_pic), None)
        self.audio = next(iter(streams.audio), None)
        self.origin = (self.container.start_time or 0) / av.time_base if origin is None else origin

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    @property
    def has_video(self) -> bool:
        """Whether there is a video stream. The cover of an audio file does not count."""
        return self.video is not None

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track."""
        return self.audio is not None

    @property
    def duration_s(self) -> float:
        """Seconds according to the container, else to its longest stream; 0 if unknown."""
        if self.container.duration:
            return float(self.container.duration / av.time_base)
        known = [float(s.duration * s.time_base) for s in self.container.streams if s.duration and s.time_base]
        return max(known, default=0.0)

    # --- pictures -----------------------------------------------------------------------------------------------------

    def pictures(self, times: Sequence[float], is_late: IsLate) -> Iterator[tuple[float, Image.Image]]:
        """Yield upright pictures near `times` (ascending, seconds from the start), no picture twice.

        Decodes the keyframe before each time. If that keyframe was already yielded, decoding continues to the time
        itself, within :data:`FORWARD_FRAMES`.
        """
        if self.video is None:
            return
        self._discard_all_but(self.video)
        last = -1.0
        forward = FORWARD_FRAMES
        for time in times:
            if is_late():
                return
            picture, decoded = self._picture_at(time, last, forward)
            if picture is None and last < 0:  # seeking in a transport stream lands inside a GOP: start over
                picture, decoded = self._picture_at(0.0, last, forward)
            forward -= decoded
            if picture is not None and picture[0] > last:
                last = picture[0]
                yield picture

    def _picture_at(self, time: float, after: float, forward: int) -> tuple[tuple[float, Image.Image] | None, int]:
        """The picture for `time`, later than `after`, and the number of frames decoded beyond the keyframe."""
        video = self.video
        assert video is not None
        decoded = 0
        last: tuple[float, Any] | None = None
        for number, frame in self._frames(time, video):
            at = max(0.0, frame.time - self.origin)
            if at > after:
                last = (at, frame)
            if (last is not None and (decoded == 0 or at >= time - 0.02)) or decoded > forward:
                break
            if number > SEARCH_PACKETS:
                break
            decoded += 1
        return ((last[0], self.upright(last[1])) if last else None), decoded

    def upright(self, frame: Any) -> Image.Image:
        """A decoded frame as it is shown, at most :data:`LONG_SIDE` long."""
        video = self.video
        assert video is not None
        aspect = float(video.sample_aspect_ratio or 1) or 1.0
        wide = frame.width * aspect if aspect > 1 else float(frame.width)
        high = frame.height / aspect if aspect < 1 else float(frame.height)
        width, height = fit(round(wide), round(high), LONG_SIDE)
        # One thread: those of a scaler outlive their frame until their address space is used up (90 pictures of 4K).
        image: Image.Image = frame.to_image(width=width, height=height, interpolation="AREA", threads=1)
        matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
        return upright(image, of_side_data(bytes(matrix) if matrix else None))

    # --- sound --------------------------------------------------------------------------------------------------------

    def sound(self, starts: Sequence[float], length_s: float, is_late: IsLate) -> Iterator[tuple[float, bytes]]:
        """Yield each start and `length_s` seconds of 16 kHz mono 16-bit samples from it; less at the end."""
        if self.audio is None:
            return
        self._discard_all_but(self.audio)
        for start in starts:
            if is_late():
                return
            if samples := self._window(start, length_s):
                yield start, samples

    def _window(self, start: float, length_s: float) -> bytes:
        audio = self.audio
        assert audio is not None
        wanted = round(length_s * RATE) * 2
        resampler = Resampler("s16", "mono", RATE)
        out = bytearray()
        for number, frame in self._frames(start, audio):
            if frame.time - self.origin + 0.1 >= start:
                for piece in resampler.resample(frame):
                    out += bytes(piece.planes[0])[: piece.samples * 2]
            if len(out) >= wanted or number > SEARCH_PACKETS:
                break
        return bytes(out[:wanted])

    # --- both ---------------------------------------------------------------------------------------------------------

    def _discard_all_but(self, stream: Any) -> None:
        """Make the demuxer skip all other streams, so that their bytes are not fetched."""
        for other in self.container.streams:
            other.discard = Discard.default if other.index == stream.index else Discard.all

    def _frames(self, time: float, stream: Any) -> Iterator[tuple[int, Any]]:
        """Yield decoded frames from the keyframe before `time`, each with the number of packets read so far."""
        with suppress(av.error.FFmpegError):  # not seekable: continue at the current position
            sections.seek(self.container, stream, time + self.origin)
        packets = enumerate(self.container.demux(stream))
        while True:
            try:
                number, packet = next(packets)
            except (StopIteration, av.error.FFmpegError):  # the end, or a truncated file
                return
            with suppress(av.error.FFmpegError):  # a damaged packet: try the next one
                for frame in packet.decode():
                    if frame.time is not None and not frame.is_corrupt:
                        yield number, frame
