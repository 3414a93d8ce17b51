"""MP4, QuickTime and their relatives (ISO 14496-12), in one piece or in fragments."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from impp_cli.archive.containers import fragments
from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage import boxes, tables
from impp_footage.boxes import Box
from impp_footage.reader import RangeReader
from impp_footage.tables import Pace
from impp_lambdas.core.intake.facts import Streams

CODECS: Final = {
    b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc", b"av01": "av1", b"mp4v": "mpeg4",
    b"mp4a": "aac", b"sowt": "pcm", b"twos": "pcm", b"alac": "alac", b"ac-3": "ac3", b"Opus": "opus",
}  # fmt: skip
"""Sample entries."""


def read(file: RangeReader, _head: bytes) -> Streams:
    """The first picture and the first sound of a movie."""
    movie = boxes.find(file, b"moov")
    if movie is None:
        raise Unpriced("it has no index (moov): its recorder did not finish it, and the pipeline will quarantine it")
    tracks: dict[bytes, list[Box]] = {}
    for track in boxes.children(file, movie):
        if track.kind == b"trak":
            handler = boxes.find(file, b"mdia", b"hdlr", within=track)
            tracks.setdefault(boxes.content(file, handler, 12)[8:12] if handler else b"", []).append(track)
    pictures, sounds = tracks.get(b"vide", []), tracks.get(b"soun", [])
    if not pictures and not sounds:
        raise Unpriced("it has neither a picture nor sound")
    measured = fragments.measure(file, movie)
    seconds = measured.seconds if measured else _seconds(file, movie)
    sound = (_codec(file, sounds[0]) or "unknown") if sounds else None
    if not pictures:
        return audio("mp4", seconds, sound or "unknown")
    pace = tables.pace(file) or (Pace(measured.fps, is_variable=False) if measured and measured.fps else None)
    streams = video("mp4", seconds, _size(file, pictures[0]), None, _codec(file, pictures[0]), sound)
    return _with_pace(replace(streams, video_tracks=len(pictures)), pace, tables.frames_per_keyframe(file))


def _with_pace(streams: Streams, pace: Pace | None, frames: float | None) -> Streams:
    """With how fast frames and, one among so many `frames`, keyframes follow each other."""
    if pace is None:
        return streams
    keyframe_s = round(frames / pace.fps, 3) if frames else None
    return replace(streams, fps=round(pace.fps, 4), is_variable_rate=pace.is_variable, keyframe_s=keyframe_s)


def _seconds(file: RangeReader, movie: Box) -> float:
    """The length that a movie states (8.2.2); 0 if it states none."""
    header = boxes.find(file, b"mvhd", within=movie)
    body = boxes.content(file, header, 32) if header else b""
    scale, length = struct.unpack_from(">IQ", body, 20) if body[:1] == b"\1" else struct.unpack_from(">II", body, 12)
    return float(length / scale) if length < 1 << 63 else 0.0


def _size(file: RangeReader, track: Box) -> tuple[int, int] | None:
    """Width and height as a track header states them (8.3.2), in 16.16 at its end."""
    header = boxes.find(file, b"tkhd", within=track)
    body = boxes.content(file, header, 96) if header else b""
    if len(body) < 84:
        return None
    width, height = (part >> 16 for part in struct.unpack_from(">II", body, 88 if body[0] == 1 else 76))
    return (height, width) if boxes.orientation(file).rotation in (90, 270) else (width, height)


def _codec(file: RangeReader, track: Box) -> str | None:
    samples = boxes.find(file, b"mdia", b"minf", b"stbl", b"stsd", within=track)
    kind = boxes.content(file, samples, 16)[12:16] if samples else b""
    return CODECS.get(kind, kind.decode("ascii", "replace").strip().lower() or None)
