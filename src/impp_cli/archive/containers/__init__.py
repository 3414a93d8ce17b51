"""What containers other than ISO 14496-12 state of their streams, read without decoding."""

from __future__ import annotations

import struct
from typing import Final

from impp_cli.archive.containers import matroska, mpeg_audio, mpegts, riff, xiph
from impp_cli.archive.containers.described import MISTAKES, Reader
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

READERS: Final[dict[str, Reader]] = {
    "avi": riff.avi,
    "wave": riff.wave,
    "matroska": matroska.read,
    "mpegts": mpegts.read,
    "mp3": mpeg_audio.read,
    "aac": mpeg_audio.read,
    "ogg": xiph.ogg,
    "flac": xiph.flac,
}
"""By the names of `impp_footage.formats`."""
LONGEST_S: Final = 30 * 86400.0


def streams(container: str, file: RangeReader, head: bytes) -> Streams | None:
    """The streams of a file that begins with `head`; None for another container, or if it does not state them."""
    read = READERS.get(container)
    try:
        known = read(file, head) if read else None
    except (struct.error, *MISTAKES):
        return None
    return known if known and 0 < known.duration_s < LONGEST_S else None
