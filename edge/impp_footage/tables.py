"""Whether the sample tables of a movie can belong to a file of its size.

A table may state many samples in few bytes (run lengths in ``stts`` and ``ctts``, one size for all in ``stsz``; ISO/IEC
14496-12, 8.6.1 and 8.7.3). A demuxer expands them: FFmpeg keeps 24 bytes per sample, so that a file of 2 kB can take
gigabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from impp_footage import boxes
from impp_footage.boxes import Box
from impp_footage.reader import RangeReader

SAMPLES_PER_BYTE = 8
"""Most samples per byte of a file. One is enough for video and modern sound; QuickTime counts the uncompressed samples
of old compressed sound, up to six per byte (QuickTime File Format, "Sound Sample Descriptions": MACE 6:1)."""
MAX_TRACKS = 64
"""Tracks whose tables are read."""
_PIECE = 256 * 1024


def excess(file: RangeReader, movie: Box) -> str | None:
    """What a movie's tables claim beyond the file's size, in words; None if they can be true."""
    most = SAMPLES_PER_BYTE * file.size
    tracks = 0
    for track in boxes.children(file, movie):
        if track.kind != b"trak":
            continue
        tracks += 1
        if tracks > MAX_TRACKS:
            return f"it has more than {MAX_TRACKS} tracks"
        tables = boxes.find(file, b"mdia", b"minf", b"stbl", within=track)
        for table in boxes.children(file, tables) if tables else ():
            if (samples := _claimed(file, table)) > most:
                name = table.kind.decode("ascii", "replace")
                return f"its {name} table claims {samples} samples, the file has {file.size} bytes"
    return None


def _claimed(file: RangeReader, table: Box) -> int:
    """Samples that a table claims without listing them one by one; bytes, for samples of one size."""
    if table.kind == b"stsz":
        head = boxes.content(file, table, 12)
        size, count = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
        return size * count
    return sum(_run_lengths(file, table)) if table.kind in (b"stts", b"ctts") else 0


def _run_lengths(file: RangeReader, table: Box) -> Iterator[int]:
    """The sums of a table's run lengths, by pieces. An entry is a run length and a value, 4 bytes each."""
    count = int.from_bytes(boxes.content(file, table, 8)[4:8], "big")
    start = table.body + 8
    end = min(start + 8 * count, table.end)
    for at in range(start, end, _PIECE):
        data = file.read(at, min(_PIECE, end - at))
        entries = array("I", data[: len(data) // 8 * 8])
        entries.byteswap()
        yield sum(entries[::2])
