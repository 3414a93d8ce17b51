"""What the sample tables of a movie state: whether they can belong to a file of its size, whether it is encrypted, and
how fast its frames and keyframes follow each other.

A table may state many samples in few bytes (run lengths in ``stts`` and ``ctts``, one size for all in ``stsz``; ISO/IEC
14496-12, 8.6.1 and 8.7.3). A demuxer expands them: FFmpeg keeps 24 bytes per sample, so that a file of 2 kB can take
gigabytes.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from impp_footage import boxes
from impp_footage.boxes import Box
from impp_footage.reader import BudgetExceeded, RangeReader

SAMPLES_PER_BYTE = 8
"""Most samples per byte of a file. One is enough for video and modern sound; QuickTime counts the uncompressed samples
of old compressed sound, up to six per byte (QuickTime File Format, "Sound Sample Descriptions": MACE 6:1)."""
MAX_TRACKS = 64
"""Tracks whose tables are read."""
_PIECE = 256 * 1024


def excess(file: RangeReader, movie: Box) -> str | None:
    """What a movie's tables claim beyond the file's size, in words; None if they can be true. Raises
    :class:`~impp_footage.reader.BudgetExceeded` if there are too many."""
    most = SAMPLES_PER_BYTE * file.size
    tracks = 0
    for track in boxes.children(file, movie):
        if track.kind != b"trak":
            continue
        tracks += 1
        if tracks > MAX_TRACKS:
            raise BudgetExceeded(f"it has more than {MAX_TRACKS} tracks")
        tables = boxes.find(file, b"mdia", b"minf", b"stbl", within=track)
        for table in boxes.children(file, tables) if tables else ():
            if (samples := _claimed(file, table)) > most:
                name = table.kind.decode("ascii", "replace")
                return f"its {name} table claims {samples} samples, the file has {file.size} bytes"
    return None


ENCRYPTED = (b"encv", b"enca", b"drms", b"drmi")
"""Sample entries of encrypted picture and sound: ISO/IEC 14496-12, 8.12 (``encv``, ``enca``), Apple's FairPlay."""


def has_no_media(file: RangeReader) -> bool:
    """Whether a movie has tracks, such as subtitles or positions, but none of picture or sound."""
    movie = boxes.find(file, b"moov")
    handlers = [_entry(file, track)[0] for track in _tracks(file, movie)] if movie else []
    return bool(handlers) and all(handlers) and not any(handler in (b"vide", b"soun") for handler in handlers)


def is_encrypted(file: RangeReader, movie: Box) -> bool:
    """Whether all tracks of picture and sound are encrypted."""
    entries = [_entry(file, track) for track in _tracks(file, movie)]
    media = [entry for handler, entry in entries if handler in (b"vide", b"soun")]
    return bool(media) and all(entry in ENCRYPTED for entry in media)


class Pace(NamedTuple):
    """Frames per second of the faster passages of a picture, and whether the rate varies."""

    fps: float
    is_variable: bool


MAX_RUNS = 128 * 1024
"""Most runs of frames of one length that are looked at, from the start: over an hour, if no two frames are alike."""
VARIABLE = 1.25
"""How much longer than the short frames the long ones are, at least, in a variable rate. Timestamps in milliseconds
make frames of 33 and 34 ms; a dash cam drops a frame now and then."""


def pace(file: RangeReader) -> Pace | None:
    """The frame rate of a movie's first picture track by its table of frame lengths; None if it lists none.

    A quarter of the frames are as short as the stated rate or shorter; compared are those that one in twenty exceeds.
    """
    movie = boxes.find(file, b"moov")
    for track in _tracks(file, movie) if movie else ():
        if _entry(file, track)[0] == b"vide":
            return _pace(file, track)
    return None


def frames_per_keyframe(file: RangeReader) -> float | None:
    """How many frames of a movie's first picture track come per keyframe, on average; None if it lists none.

    A track without a table of keyframes (``stss``) has no other frames (8.6.2.1).
    """
    movie = boxes.find(file, b"moov")
    for track in _tracks(file, movie) if movie else ():
        if _entry(file, track)[0] == b"vide":
            sizes = boxes.find(file, b"mdia", b"minf", b"stbl", b"stsz", within=track)
            keys = boxes.find(file, b"mdia", b"minf", b"stbl", b"stss", within=track)
            frames = int.from_bytes(boxes.content(file, sizes, 12)[8:12], "big") if sizes else 0
            keyframes = int.from_bytes(boxes.content(file, keys, 8)[4:8], "big") if keys else frames
            return frames / keyframes if frames and keyframes else None
    return None


def _pace(file: RangeReader, track: Box) -> Pace | None:
    header = boxes.find(file, b"mdia", b"mdhd", within=track)
    table = boxes.find(file, b"mdia", b"minf", b"stbl", b"stts", within=track)
    if header is None or table is None:
        return None
    body = boxes.content(file, header, 24)
    scale = int.from_bytes(body[20:24] if body[:1] == b"\x01" else body[12:16], "big")
    data = boxes.content(file, table, 8 + 8 * MAX_RUNS)
    count = min(int.from_bytes(data[4:8], "big"), (len(data) - 8) // 8)
    numbers = struct.unpack_from(f">{2 * count}I", data, 8) if count > 0 else ()
    return pace_of(((length, frames) for frames, length in zip(numbers[::2], numbers[1::2], strict=True)), scale)


def pace_of(lengths: Iterable[tuple[int, int]], scale: float) -> Pace | None:
    """The pace of frames by their lengths in ticks, of which there are `scale` per second, each with the number of
    frames that have it; None without any."""
    runs = sorted((length, frames) for length, frames in lengths if length > 0)
    if not runs or not scale:
        return None
    short, long = _quantile(runs, 0.25), _quantile(runs, 0.95)
    return Pace(scale / short, long > VARIABLE * short)


def _quantile(runs: list[tuple[int, int]], share: float) -> int:
    """The length that `share` of the frames do not exceed; `runs` are sorted lengths with numbers of frames."""
    rest = share * sum(frames for _, frames in runs)
    for length, frames in runs:
        rest -= frames
        if rest <= 0:
            return length
    return runs[-1][0]


def _tracks(file: RangeReader, movie: Box) -> list[Box]:
    return [box for box in boxes.children(file, movie) if box.kind == b"trak"][:MAX_TRACKS]


def _entry(file: RangeReader, track: Box) -> tuple[bytes, bytes]:
    """The handler of a track and the kind of its first sample entry (8.4.3, 8.5.2)."""
    handler = boxes.find(file, b"mdia", b"hdlr", within=track)
    samples = boxes.find(file, b"mdia", b"minf", b"stbl", b"stsd", within=track)
    return (
        boxes.content(file, handler, 12)[8:12] if handler else b"",
        boxes.content(file, samples, 16)[12:16] if samples else b"",
    )


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
