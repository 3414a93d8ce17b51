"""Streams without a container: DV tapes (IEC 61834-2), AC-3 and E-AC-3 (ATSC A/52), MPEG-1 and MPEG-2 pictures."""

from __future__ import annotations

from typing import Final

from impp_cli.archive.containers import pictures
from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

PLACES: Final = 16
WINDOW: Final = 1 << 20
"""Bytes at each place at which pictures are counted."""
DV_BYTES: Final = {0x00: 1, 0x04: 2, 0x14: 4, 0x18: 2}
"""How many times the 25 Mbit/s of DV a tape has, by the type of its picture: DV, DVCPRO50, HD with 1080 and 720 lines
(SMPTE 314M, 370M)."""
DV_HD: Final = {0x14: (1920, 1080), 0x18: (1280, 720)}
AC3_KBPS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
"""By half the code of a frame's size (A/52, table 5.18)."""
AC3_RATES: Final = (48_000, 44_100, 32_000)
AC3_BLOCKS: Final = (1, 2, 3, 6)
"""Blocks of 256 samples in a frame of E-AC-3 (E.2.3.1.5)."""


def dv(file: RangeReader, head: bytes) -> Streams:
    """Frames of one size: of 525 lines or 625, at 25 Mbit/s or more. All tapes have sound."""
    is_625 = bool(head[3] & 0x80)
    source, control = _packs(head)
    kind = source[3] & 31 if source else 0
    fps = 25.0 if is_625 else 30_000 / 1001
    seconds = file.size / ((144_000 if is_625 else 120_000) * DV_BYTES[kind]) / fps
    is_wide = bool(control) and control[2] & 7 in (2, 7)
    height = 576 if is_625 else 480
    narrow = round(720 * 16 / 15) if is_625 else round(720 * 8 / 9)
    wide = round(720 * 64 / 45) if is_625 else round(720 * 32 / 27)
    return video("dv", seconds, DV_HD.get(kind, (wide if is_wide else narrow, height)), fps, "dvvideo", "pcm")


def _packs(head: bytes) -> tuple[bytes, bytes]:
    """The packs of the video auxiliary data that describe the picture (61834-4, VAUX source and source control)."""
    block = head[80 * 3 : 80 * 6]
    at = [place for place in range(3, len(block) - 5) if block[place] in (0x60, 0x61) and (place % 80 - 3) % 5 == 0]
    source = next((block[place : place + 5] for place in at if block[place] == 0x60), b"")
    return source, next((block[place : place + 5] for place in at if block[place] == 0x61), b"")


def ac3(file: RangeReader, head: bytes) -> Streams:
    """The first frame's size and length stand for all: the rate of files is constant."""
    if head[5] >> 3 > 10:
        size = 2 * ((int.from_bytes(head[2:4]) & 0x7FF) + 1)
        code, blocks = head[4] >> 6, head[4] >> 4 & 3
        rate = AC3_RATES[code] if code < 3 else AC3_RATES[blocks] / 2
        samples = 256 * (AC3_BLOCKS[blocks] if code < 3 else 6)
        return audio("ac3", file.size / size * samples / rate, "eac3")
    return audio("ac3", file.size / (125 * AC3_KBPS[(head[4] & 63) >> 1]), "ac3")


def mpeg_video(file: RangeReader, head: bytes) -> Streams:
    """Pictures are counted at some places of a long file, and in all of a short one."""
    codec = "mpeg2" if b"\0\0\1\xb5" in head else "mpeg1"
    fps = pictures.rate(codec, head)
    if fps is None:
        raise Unpriced("it states no frame rate")
    places = -(-file.size // WINDOW)
    step = max(1.0, places / PLACES) * WINDOW
    counted = size = 0
    for place in range(min(PLACES, places)):
        data = file.read(round(place * step), WINDOW)
        counted += data.count(b"\0\0\1\0")
        size += len(data)
    return video("mpegvideo", counted / fps * file.size / size, pictures.size(codec, head), fps, codec, None)
