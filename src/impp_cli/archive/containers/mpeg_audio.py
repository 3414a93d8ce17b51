"""MP3 and MP2 (ISO 11172-3, 13818-3), and AAC in ADTS (ISO 14496-3, 1.A.2.2): sound in frames without an index.

Their headers need not state a length, so the heads of all frames are read.
"""

from __future__ import annotations

from impp_cli.archive.containers.reader import Unpriced, audio
from impp_footage import sound_frames
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams


def read(file: RangeReader, _head: bytes) -> Streams:
    """The sum of all frames."""
    first = sound_frames.first(file)
    if first is None:
        raise Unpriced("it has no sound where it should begin")
    codec = first.frame.codec
    return audio("aac" if codec == "aac" else "mp3", sound_frames.seconds(file, first), codec)
