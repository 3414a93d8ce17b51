"""Reads a recording once, from one end to the other: a picture per interval, and all of its sound.

A keyframe costs one decoded frame. Where keyframes are farther apart than the interval, the frames between are
decoded up to the moment that is wanted, within :data:`FORWARD_PIXELS` per second of the recording. So the packets
since the last keyframe wait until the next one shows what is missing between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import av.error
from av.stream import Discard

from impp_lambdas.core.media.bounds import FORWARD_PIXELS
from impp_lambdas.core.media.resampling import Resampler
from impp_lambdas.core.media.speech import RATE

if TYPE_CHECKING:
    from PIL import Image

    from impp_lambdas.core.media.recording import Recording

MAX_WAITING = 48 << 20
"""Most bytes of packets that wait for the next keyframe: 20 s at 20 Mbit/s. A longer one is decoded so far."""
CARRIED_S = 10.0
"""Seconds of the recording whose unused share of :data:`FORWARD_PIXELS` is kept for later."""
OVERLAP_S = 5.0
"""Sound and pictures of the same moment are at most so far apart in a file: where reading stops after the end."""
PACE_AFTER = 8
"""Pictures from whose time the time of the rest is estimated."""
SPARE = 0.9
"""Share of the time left that the rest may take by plan."""


@dataclass(frozen=True)
class Stretch:
    """What is walked: from `start` to `end` in seconds, a picture every `interval_s`."""

    start: float
    end: float
    interval_s: float

    def slot(self, t: float) -> int:
        """The number of the interval that a moment is in."""
        return math.floor((t - self.start) / self.interval_s + 1e-6)

    def begin(self, slot: int) -> float:
        """When an interval begins."""
        return self.start + slot * self.interval_s

    @property
    def slots(self) -> int:
        """The number of intervals."""
        return max(1, math.ceil((self.end - self.start) / self.interval_s - 1e-6))


class Walk:
    """One pass over a stretch of a recording. `stride` is the number of intervals per picture: more than one where time
    is short. `is_complete` is False if the time was not enough even so."""

    def __init__(
        self,
        recording: Recording,
        stretch: Stretch,
        seconds_left: Callable[[], float],
        hear: Callable[[float, bytes], None],
    ) -> None:
        self._recording, self._stretch, self._seconds_left, self._hear = recording, stretch, seconds_left, hear
        self._budget = seconds_left()
        self._next = 0
        self._count = 0
        self._waiting: list[Any] = []
        self._bytes = 0
        self._tokens = 0.0
        self._is_lost = False
        self.stride = 1
        self.is_complete = True

    def pictures(self) -> Iterator[tuple[float, Image.Image]]:
        """Yield `(t, upright picture)` in order of time; sound goes to `hear` meanwhile."""
        recording, stretch = self._recording, self._stretch
        tracks = [track for track in (recording.video, recording.audio) if track is not None]
        for stream in recording.container.streams:
            stream.discard = Discard.default if stream in tracks else Discard.all
        if not tracks:
            return
        if stretch.start > 0:
            with suppress(av.error.FFmpegError):  # not seekable: everything before it is read
                target = int((stretch.start + recording.origin) * av.time_base)
                recording.container.seek(target, backward=True)
        resampler = Resampler("s16", "mono", RATE)
        past_end = {track.index: False for track in tracks}
        for packet in _packets(recording.container, tracks):
            if self._seconds_left() < 0.1 * self._budget:
                self.is_complete = False
                break
            t = self._time(packet)
            if t is not None and t >= stretch.end:
                past_end[packet.stream.index] = True
                if all(past_end.values()) or t >= stretch.end + OVERLAP_S:
                    break
                continue
            if packet.stream is recording.audio:
                self._listen(packet, resampler)
            elif not past_end[packet.stream.index]:
                yield from self._take(packet, t)
        yield from self._close(stretch.end)
        if recording.video is not None:
            recording.video.codec_context.skip_frame = "DEFAULT"

    def _time(self, packet: Any) -> float | None:
        ticks = packet.pts if packet.pts is not None else packet.dts
        return None if ticks is None else float(ticks * packet.time_base) - self._recording.origin

    # --- sound --------------------------------------------------------------------------------------------------------

    def _listen(self, packet: Any, resampler: Resampler) -> None:
        with suppress(av.error.FFmpegError):  # a damaged packet: try the next one
            for frame in packet.decode():
                t = frame.time - self._recording.origin if frame.time is not None else None
                for piece in resampler.resample(frame):
                    if t is not None and self._stretch.start <= t < self._stretch.end:
                        self._hear(t, bytes(piece.planes[0])[: piece.samples * 2])

    # --- pictures -----------------------------------------------------------------------------------------------------

    def _take(self, packet: Any, t: float | None) -> Iterator[tuple[float, Image.Image]]:
        """Let a packet wait; decode what waits if it is a keyframe, or if too much waits."""
        if packet.is_keyframe and t is not None:
            yield from self._close(t)
            self._is_lost = False
        elif self._bytes > MAX_WAITING and t is not None:
            yield from self._close(t, goes_on=True)
        if not self._is_lost:
            self._waiting.append(packet)
            self._bytes += packet.size

    def _close(self, until: float, *, goes_on: bool = False) -> Iterator[tuple[float, Image.Image]]:
        """Yield the pictures that are wanted from what waits, which ends at `until`: where the next keyframe is, or,
        if it `goes_on`, in the midst of the frames that depend on it."""
        packets, self._waiting, self._bytes = self._waiting, [], 0
        if not packets:
            return
        first = self._time(packets[0])
        start = until if first is None else first
        wanted = self._affordable(packets, self._wanted(start, until), start, until)
        self._is_lost = goes_on and not wanted
        for t, image in self._decoded(packets, wanted, start, goes_on=goes_on) if wanted else ():
            self._next = max(self._next + 1, self._stretch.slot(t) + self.stride)
            self._count += 1
            yield t, image
            self._keep_pace()

    def _wanted(self, start: float, until: float) -> list[float]:
        """The moments between two keyframes that a picture is wanted of. The next keyframe fills its own interval."""
        stretch, slot = self._stretch, self._next
        moments: list[float] = []
        if stretch.slot(start) >= slot:
            moments.append(start)
            slot = stretch.slot(start) + self.stride
        last = stretch.slots if until >= stretch.end else stretch.slot(until)
        while slot < last:
            moments.append(max(start, stretch.begin(slot)))
            slot += self.stride
        return moments

    def _affordable(self, packets: list[Any], wanted: list[float], start: float, until: float) -> list[float]:
        """As many of the moments as may be decoded. A keyframe always may."""
        context = self._recording.video.codec_context  # type: ignore[union-attr]
        span = max(until - start, 1e-3)
        self._tokens = min(self._tokens, CARRIED_S * FORWARD_PIXELS) + span * FORWARD_PIXELS
        per_second = len(packets) * max(1, context.width * context.height) / span
        affordable = [m for m in wanted if m <= start or (m - start) * per_second <= self._tokens]
        if affordable:
            self._tokens -= (affordable[-1] - start) * per_second
        return affordable

    def _decoded(
        self, packets: list[Any], wanted: list[float], start: float, *, goes_on: bool
    ) -> Iterator[tuple[float, Image.Image]]:
        """The first frame at or after each wanted moment."""
        context = self._recording.video.codec_context  # type: ignore[union-attr]
        is_key_enough = wanted[-1] <= start and packets[0].is_keyframe and not goes_on
        context.skip_frame = "NONKEY" if is_key_enough else "NONREF"
        if packets[0].is_keyframe:
            context.flush_buffers()
        for packet in [packets[0], None] if is_key_enough else [*packets, *([] if goes_on else [None])]:
            for frame in _frames(context, packet):
                # Not `frame.time`: what a decoder still holds at the end may come without a time base (MPEG-2 in MXF).
                t = max(0.0, float(frame.pts * packets[0].time_base) - self._recording.origin)
                if wanted and t >= wanted[0] - 1e-7:
                    yield t, self._recording.upright(frame)
                    wanted = [moment for moment in wanted if moment > t]
            if not wanted and not goes_on:
                return

    def _keep_pace(self) -> None:
        """Look less often if the rest would take longer than there is time."""
        if self._count < PACE_AFTER:
            return
        left = self._seconds_left() - 0.1 * self._budget
        each = (self._budget - self._seconds_left()) / self._count
        rest = self._stretch.slots - self._next
        if rest * each > SPARE * left * self.stride:
            self.stride = math.ceil(rest * each / max(SPARE * left, each))


def _frames(context: Any, packet: Any) -> list[Any]:
    """The frames that a decoder returns for a packet, or for None at the end; none for a damaged packet."""
    with suppress(av.error.FFmpegError):
        return [frame for frame in context.decode(packet) if frame.pts is not None and not frame.is_corrupt]
    return []


def _packets(container: Any, tracks: list[Any]) -> Iterator[Any]:
    packets = container.demux(tracks)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # the end, or a truncated file
            return
        if packet.size:
            yield packet
