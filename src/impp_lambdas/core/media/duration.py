"""Measures the length of recordings whose container does not state it, without reading the whole file."""

from __future__ import annotations

from typing import Any

import av
import av.error

from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.containers import open_media

SAMPLE_PACKETS = 2000
"""Packets whose rate stands for that of the whole file: some 20 s of video with sound."""


def measure(file: Any, trusts_header: bool = True) -> float | None:
    """The length of `file` (read, seek, tell) in seconds, or an estimate from the data rate of its beginning. Without
    `trusts_header` it is the estimate, whatever the file states.

    FFmpeg itself looks for the last timestamps of a transport or program stream. None if the file does not open or no
    packet has a time.
    """
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


def _estimate(container: Any, file: Any) -> float | None:
    """The span of the first packets, extended to the size of the file."""
    first, last, count, position = float("inf"), float("-inf"), 0, 0
    try:
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            start = float(packet.pts * packet.time_base)
            first, last = min(first, start), max(last, start + float((packet.duration or 0) * packet.time_base))
            position = max(position, (packet.pos or 0) + packet.size)
            count += 1
            if count >= SAMPLE_PACKETS:
                size = file.seek(0, 2)
                return (last - first) * max(1.0, size / position) if last > first and position else None
    except av.error.FFmpegError:  # a truncated end
        pass
    return last - first if last > first else None
