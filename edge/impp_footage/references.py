"""QuickTime movies that hold no media but refer to other files: what editors save as "reference movie", and what
servers offer for several speeds (QuickTime File Format, "Reference movie atom", "Data reference atoms")."""

from __future__ import annotations

from impp_footage import boxes
from impp_footage.boxes import Box
from impp_footage.reader import RangeReader

MAX_ENTRIES = 64
"""Data references of a track that are read."""
_IS_HERE = 1
"""Flag of a data reference: the media is in the file itself (ISO/IEC 14496-12, 8.7.2)."""


def external_media(file: RangeReader, movie: Box) -> str | None:
    """Where the media of a movie is, in words, if none is in the file itself."""
    kinds = {box.kind for box in boxes.children(file, movie)}
    if b"rmra" in kinds and b"trak" not in kinds:
        return "it lists movies of which a player chooses one"
    tracks = [box for box in boxes.children(file, movie) if box.kind == b"trak"]
    flags = [flag for track in tracks for flag in _flags(file, track)]
    return "its tracks are in files beside it" if flags and not any(flag & _IS_HERE for flag in flags) else None


def _flags(file: RangeReader, track: Box) -> list[int]:
    """The flags of a track's data references. An entry begins like a box, then a version and three bytes of flags."""
    table = boxes.find(file, b"mdia", b"minf", b"dinf", b"dref", within=track)
    entries = boxes.children(file, table, skip=8) if table else ()
    bodies = [boxes.content(file, entry, 4) for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False)]
    return [int.from_bytes(body[1:4], "big") for body in bodies if len(body) == 4]
