"""How recordings without an index are built: where, near any byte, a piece begins that states its time.

Each container has its module: Matroska is made of clusters, fragmented MP4 of fragments, FLV of tags, MP3 and FLAC of
frames. FLAC has no view, because FFmpeg itself seeks in it by its frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from impp_footage import reader
from impp_footage.container_layouts import flv, fragments, matroska, mp3

if TYPE_CHECKING:
    from impp_footage.container_layouts.layout import Layout


def layout_of(file: Any) -> Layout | None:
    """How a file (read, seek) is built that has no index; None if it has one, or is of another container."""
    ranges = reader.of_file(file)
    start = ranges.read(0, 12)
    layout: Layout | None = None
    if start[:4] == b"\x1a\x45\xdf\xa3":
        layout = matroska.layout(ranges)
    elif start[4:8] == b"ftyp":
        layout = fragments.layout(ranges)
    elif start[:4] == b"FLV\x01":
        layout = flv.layout(ranges)
    elif start[:3] == b"ID3" or mp3.head_of(start):
        layout = mp3.layout(ranges)
    file.seek(0)
    return layout
