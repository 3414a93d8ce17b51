"""AVI and WAVE (Microsoft, "RIFF")."""

from __future__ import annotations

import struct
from typing import Final

from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

CODECS: Final = {
    "H264": "h264", "X264": "h264", "AVC1": "h264", "MJPG": "mjpeg", "XVID": "mpeg4", "DIVX": "mpeg4", "HEVC": "hevc",
}  # fmt: skip
"""Codecs by the handler of a video stream."""


def avi(_file: RangeReader, head: bytes) -> Streams:
    """The main header ("AVIMAINHEADER"); OpenDML's counts the frames of a file of several parts."""
    at = head.find(b"avih")
    if at < 0:
        raise Unpriced("it has no main header (avih)")
    microseconds, *_, frames = struct.unpack_from("<5I", head, at + 8)
    width, height = struct.unpack_from("<2I", head, at + 40)
    if (extended := head.find(b"dmlh")) > 0:
        frames = max(frames, *struct.unpack_from("<I", head, extended + 8))
    stream = head.find(b"vids")
    name = head[stream + 4 : stream + 8].decode("ascii", "replace").upper() if stream > 0 else ""
    codec = CODECS.get(name, name.lower() or None)
    sound = "pcm" if b"auds" in head else None
    return video("avi", frames * microseconds / 1e6, (width, height), 1e6 / microseconds, codec, sound)


def wave(file: RangeReader, head: bytes) -> Streams:
    """The format's bytes per second ("WAVEFORMATEX"), over what follows the head of `data`."""
    at, data = head.find(b"fmt "), head.find(b"data")
    if at < 0 or data < 0:
        raise Unpriced("it has no format or no samples")
    (rate,) = struct.unpack_from("<I", head, at + 16)
    return audio("wave", (file.size - data - 8) / rate, "pcm")
