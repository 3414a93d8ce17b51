"""Whether what a file states about itself can be true for its size. Money is reserved by the stated length."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Streams

MIN_BYTES_PER_S = 2.0
"""Fewest bytes per second of any recording. A black picture every 10 s takes 4 or more; silence takes 50 in Opus with
DTX, the leanest of the codecs (`tests/lambdas/core/intake/test_plausibility.py` has the measured rates)."""
MIN_BYTES_PER_FRAME = 3.0
"""Fewest bytes per frame of codecs that predict pictures. An unchanged one takes a frame header and an entry of four
bytes in the container's tables: black at 30 frames per second was 26 bytes per frame in H.264 and 20 in MPEG-4."""
MIN_BYTES_PER_INTRA_FRAME = 100.0
"""The same for codecs that code each picture alone. A black JPEG of 640 by 360 pixels has 2 kB."""
INTRA = frozenset({"mjpeg", "prores", "dnxhd", "dv", "dvcpro", "jpeg2000", "jpeg_2000", "vc3"})
MAX_BYTES_PER_PIXEL = 8.0
"""Most bytes per pixel and frame: uncompressed, four components of 16 bits."""
MAX_OTHER_BYTES_PER_S, MAX_OTHER_BYTES = 16e6, 256e6
"""What sound, sensor tracks, covers and padding may add."""


def implausible(streams: Streams, size: int) -> str | None:
    """Why a recording's length, frame rate and picture size cannot belong to a file of `size` bytes, else None."""
    seconds, fps = streams.duration_s, streams.fps or 0.0
    if seconds <= 0:
        return None
    if size < MIN_BYTES_PER_S * seconds:
        return f"{size} bytes cannot hold {seconds:.0f} s"
    frames = seconds * fps
    least = MIN_BYTES_PER_INTRA_FRAME if streams.video_codec in INTRA else MIN_BYTES_PER_FRAME
    if streams.kind == "video" and size < least * frames:
        return f"{size} bytes cannot hold {frames:.0f} frames of {streams.video_codec or 'video'}"
    pixels = (streams.width or 0) * (streams.height or 0) * max(frames, 1.0)
    if size > MAX_BYTES_PER_PIXEL * pixels + MAX_OTHER_BYTES_PER_S * seconds + MAX_OTHER_BYTES:
        return f"{size} bytes are too many for {seconds:.3f} s"
    return None
