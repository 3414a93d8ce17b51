"""Measures the length of recordings whose container does not state it, by their last packets or by their data rate.

Only frames of sound are counted, which takes reading the whole file: 12 hours at 128 kbit/s are 690 MB.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import av
import av.error

from impp_footage import reader, sound_frames
from impp_footage.container_layouts import layout_of
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import sections
from impp_lambdas.core.media.containers import open_media

JUMP_S = 10.0
"""If the clock advances by so much from one packet to the next, it was set again: two recordings were joined."""
SAMPLE_PACKETS = 2000
"""Packets whose rate stands for that of the whole file: some 20 s of video with sound."""


def measure(file: Any, trusts_header: bool = True) -> float | None:
    """The length of `file` (read, seek, tell) in seconds, or an estimate from the data rate of its beginning. Without
    `trusts_header` it is the estimate, whatever the file states.

    FFmpeg itself looks for the last timestamps of a transport or program stream. None if the file does not open or no
    packet has a time.
    """
    if trusts_header:
        with suppress(Unreadable, av.error.FFmpegError):
            if seconds := counted(file) or sections.length(file):
                return seconds
        file.seek(0)
    try:
        with open_media(file) as container:
            if not trusts_header:
                return _estimate(container, file)
            if container.duration and container.duration > 0:
                return float(container.duration / av.time_base)
            known = [float(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base]
            return max(known, default=0.0) or _estimate(container, file)
    except (Unreadable, av.error.FFmpegError, OSError, ValueError):
        return None


def counted(file: Any) -> float | None:
    """Seconds of AAC in ADTS frames, or of MP3 without a table at a rate that varies; None for any other file.

    Nothing in it states its length. From the rate of its beginning FFmpeg took 90 s of AAC, of which the first 60 were
    silent, for 496.
    """
    ranges = reader.of_file(file)
    first = sound_frames.first(ranges)
    if first is None or first.has_table or first.frame.codec == "mp2" or layout_of(file) is not None:
        return None
    return sound_frames.seconds(ranges, first)


def _estimate(container: Any, file: Any) -> float | None:
    """The span of the first packets without jumps of their clock, extended to the size of the file."""
    first, last, count, position, before = math.inf, -math.inf, 0, 0, 0.0
    try:
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            start = float(packet.pts * packet.time_base)
            if count and abs(start - last) > JUMP_S:
                before += last - first
                first, last = math.inf, -math.inf
            first, last = min(first, start), max(last, start + float((packet.duration or 0) * packet.time_base))
            position = max(position, (packet.pos or 0) + packet.size)
            count += 1
            if count >= SAMPLE_PACKETS:
                size = file.seek(0, 2)
                seconds = before + last - first
                return seconds * max(1.0, size / position) if seconds > 0 and position else None
    except av.error.FFmpegError:  # a truncated end
        pass
    seconds = before + last - first
    return seconds if 0 < seconds < math.inf else None
