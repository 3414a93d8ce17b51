"""What containers state of their streams, read without decoding."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from impp_cli.archive.containers import (
    amr,
    asf,
    chunks,
    elementary_streams,
    flv,
    matroska,
    movie,
    mpeg_audio,
    mpegps,
    mpegts,
    mxf,
    riff,
    xiph,
)
from impp_cli.archive.containers.reader import MISTAKES, Reader, Unpriced
from impp_footage.reader import Budget, BudgetExceeded, RangeReader, within
from impp_lambdas.core.intake.facts import Streams
from impp_lambdas.core.intake.plausibility import implausible

READERS: Final[dict[str, Reader]] = {
    "mp4": movie.read,
    "avi": riff.avi,
    "wave": riff.wave,
    "matroska": matroska.read,
    "mpegts": mpegts.read,
    "mpegps": mpegps.read,
    "mpegvideo": elementary_streams.mpeg_video,
    "asf": asf.read,
    "flv": flv.read,
    "mxf": mxf.read,
    "dv": elementary_streams.dv,
    "ac3": elementary_streams.ac3,
    "mp3": mpeg_audio.read,
    "aac": mpeg_audio.read,
    "amr": amr.read,
    "aiff": chunks.aiff,
    "caf": chunks.caf,
    "ogg": xiph.ogg,
    "flac": xiph.flac,
}
"""By the names of `impp_footage.formats`."""
LONGEST_S: Final = 30 * 86400.0
HIGHEST_FPS, LONGEST_SIDE = 1000.0, 1 << 15
"""Beyond slow motion, and beyond the pictures of any codec's levels."""
MAX_READS, MAX_BYTES = 300_000, 1 << 30
"""Of a file, but that one whose frames are counted is read as a whole."""


def streams(container: str, file: RangeReader, head: bytes) -> Streams:
    """The streams of a file that begins with `head`. Raises `Unpriced`."""
    read = READERS.get(container)
    if read is None:
        raise Unpriced("its format is unknown")
    bounded = within(file, Budget(MAX_READS, max(MAX_BYTES, 2 * file.size)))
    try:
        known = read(bounded, head)
    except (struct.error, *MISTAKES) as error:
        raise Unpriced("it is damaged or was cut short") from error
    except BudgetExceeded as error:
        raise Unpriced(str(error)) from error
    if not 0 < known.duration_s < LONGEST_S:
        raise Unpriced("it states no length")
    known = _sensible(known)
    if reason := implausible(known, file.size):
        raise Unpriced(f"it is damaged: {reason}")
    return known


def _sensible(known: Streams) -> Streams:
    """Without a rate or a size that no recorder writes: damaged bytes state any."""
    fps = known.fps if known.fps and 0 < known.fps <= HIGHEST_FPS else None
    keyframe_s = known.keyframe_s if known.keyframe_s and known.keyframe_s > 0 else None
    is_size = bool(known.width and known.height and max(known.width, known.height) <= LONGEST_SIDE)
    width, height = (known.width, known.height) if is_size else (None, None)
    return replace(known, fps=fps, keyframe_s=keyframe_s, width=width, height=height)
