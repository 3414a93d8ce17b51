"""Files on this machine as the pipeline would see them, by their names and their containers, without decoding them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from impp_cli.archive import containers
from impp_footage import boxes, formats, reader, tables
from impp_footage.boxes import Box
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake import facts, sources
from impp_lambdas.core.intake.facts import Facts, Streams

HEAD: Final = 64 * 1024
READ: Final = frozenset({"mp4", *containers.READERS})
"""Containers whose files are read here unless they are damaged."""
CODECS: Final = {
    b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc", b"av01": "av1", b"mp4v": "mpeg4",
    b"mp4a": "aac", b"sowt": "pcm", b"twos": "pcm", b"alac": "alac", b"ac-3": "ac3", b"Opus": "opus",
}  # fmt: skip
"""Sample entries of ISO 14496-12 containers."""


@dataclass(frozen=True)
class File:
    """A file; `facts` is None for footage whose container, `container`, is not read here, or is damaged."""

    path: Path
    facts: Facts | None
    container: str


def files(folder: Path) -> Iterator[File]:
    """All footage below a folder, in order of names. Raises OSError."""
    for directory, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(directory) / name
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                head = file.read(HEAD)
                if head and formats.is_media(name, head):
                    container = formats.sniff(head) or formats.of_name(name) or "unknown"
                    streams = _streams(reader.of_file(file), head, container)
                    yield File(path, _facts(path, folder, streams) if streams else None, container)


def _facts(path: Path, folder: Path, streams: Streams) -> Facts:
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    origin = sources.infer(f"originals/{folder.name}/{path.relative_to(folder).as_posix()}", {}, None, modified)
    return Facts.of(streams, origin, status.st_size, None, None)


def _streams(file: RangeReader, head: bytes, container: str) -> Streams | None:
    if formats.is_image(container):
        return facts.image(container, formats.image_size(head))
    if container != "mp4":
        return containers.streams(container, file, head)
    movie = boxes.find(file, b"moov")
    return _of_movie(file, movie) if movie else None


def _of_movie(file: RangeReader, movie: Box) -> Streams | None:
    tracks: dict[bytes, Box] = {}
    for track in boxes.children(file, movie):
        if track.kind == b"trak":
            handler = boxes.find(file, b"mdia", b"hdlr", within=track)
            tracks.setdefault(boxes.content(file, handler, 12)[8:12] if handler else b"", track)
    video, sound = tracks.get(b"vide"), tracks.get(b"soun")
    seconds = _seconds(file, movie)
    if not seconds or not (video or sound):
        return None
    width, height = _size(file, video) if video else (None, None)
    pace = tables.pace(file) if video else None
    return Streams(
        kind="video" if video else "audio",
        duration_s=seconds,
        width=width,
        height=height,
        rotation=0,
        fps=pace.fps if pace else None,
        video_codec=_codec(file, video),
        audio_codec=_codec(file, sound),
        has_audio=sound is not None,
        container="mp4",
        video_tracks=1 if video else 0,
    )


def _seconds(file: RangeReader, movie: Box) -> float | None:
    """The length of a movie (ISO 14496-12, 8.2.2), which a fragmented one may not state."""
    header = boxes.find(file, b"mvhd", within=movie)
    body = boxes.content(file, header, 32) if header else b""
    if len(body) < 32:
        return None
    scale, length = struct.unpack_from(">IQ", body, 20) if body[0] == 1 else struct.unpack_from(">II", body, 12)
    return round(length / scale, 3) if scale and 0 < length / scale < 1e9 else None


def _size(file: RangeReader, track: Box) -> tuple[int | None, int | None]:
    """Width and height as a track header states them (8.3.2), in 16.16 at its end."""
    header = boxes.find(file, b"tkhd", within=track)
    body = boxes.content(file, header, 96) if header else b""
    if len(body) < 84:
        return None, None
    width, height = (part >> 16 for part in struct.unpack_from(">II", body, 88 if body[0] == 1 else 76))
    turned = boxes.orientation(file).rotation in (90, 270)
    return ((height, width) if turned else (width, height)) if width and height else (None, None)


def _codec(file: RangeReader, track: Box | None) -> str | None:
    samples = boxes.find(file, b"mdia", b"minf", b"stbl", b"stsd", within=track) if track else None
    kind = boxes.content(file, samples, 16)[12:16] if samples else b""
    return CODECS.get(kind, kind.decode("ascii", "replace").strip().lower() or None)
