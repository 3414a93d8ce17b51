"""A photo as phones write it: HEVC in HEIF (ISO/IEC 23008-12), made of the only frame of a movie."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from impp_local.engines import video

ITEM: Final = 1
TEST_PICTURE: Final = ("-f", "lavfi", "-i", "testsrc2")


def heic(
    folder: Path, width: int = 640, height: int = 480, quarter_turns: int = 0, scene: Sequence[str] = TEST_PICTURE
) -> bytes:
    """A HEIC file with the first picture of `scene` (input options of ffmpeg), to be shown turned counter-clockwise.

    `folder` is for a temporary file.
    """
    film = folder / "frame.mp4"
    source = [*scene, "-vf", f"scale={width}:{height}", "-frames:v", "1", "-an", "-pix_fmt", "yuv420p"]
    encoder = ["-c:v", "libx265", "-tag:v", "hvc1", "-x265-params", "log-level=error"]
    video.run([*source, *encoder, video.output_path(film)], timeout_s=60)
    data = film.read_bytes()
    at = data.index(b"hvcC") - 4
    config = data[at : at + int.from_bytes(data[at : at + 4], "big")]
    at = data.index(b"mdat") - 4
    picture = data[at + 8 : at + int.from_bytes(data[at : at + 4], "big")]
    ftyp = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
    offset = len(ftyp) + len(_meta(config, width, height, quarter_turns, 0, len(picture))) + 8
    return ftyp + _meta(config, width, height, quarter_turns, offset, len(picture)) + _box(b"mdat", picture)


def _meta(config: bytes, width: int, height: int, quarter_turns: int, offset: int, size: int) -> bytes:
    properties = config + _full(b"ispe", struct.pack(">II", width, height)) + _box(b"irot", bytes([quarter_turns]))
    association = struct.pack(">IHB", 1, ITEM, 3) + bytes([0x81, 0x02, 0x83])  # hvcC and irot are essential
    return _full(
        b"meta",
        _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
        + _full(b"pitm", struct.pack(">H", ITEM))
        + _full(b"iinf", struct.pack(">H", 1) + _full(b"infe", struct.pack(">HH", ITEM, 0) + b"hvc1\0", version=2))
        + _box(b"iprp", _box(b"ipco", properties) + _full(b"ipma", association))
        + _full(b"iloc", struct.pack(">BBHHHHII", 0x44, 0, 1, ITEM, 0, 1, offset, size)),
    )


def _full(kind: bytes, payload: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + payload)


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload
