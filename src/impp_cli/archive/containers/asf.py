"""Windows Media: .wmv, .wma, .asf (Microsoft, "Advanced Systems Format (ASF) Specification", 01.20.06)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

LARGEST_HEADER: Final = 4 << 20
"""Bytes of the header that are read: pictures of albums are in it."""
PACKETS: Final = 200
"""Packets at the start that show how fast pictures follow each other."""
LARGEST_PACKET: Final = 1 << 20
FILE, STREAM, DATA = (
    bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"),
    bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365"),
    bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"),
)
"""Objects (10.1): File Properties, Stream Properties, Data."""
PICTURE, SOUND = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b"), bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
"""Types of streams (10.4)."""
IS_BROADCAST: Final = 1
"""The flag of a header that was written before its recording (3.2)."""
PICTURES: Final = {
    b"WMV1": "wmv1", b"WMV2": "wmv2", b"WMV3": "wmv3", b"WVC1": "vc1", b"H264": "h264", b"MP4S": "mpeg4",
}  # fmt: skip
SOUNDS: Final = {0x160: "wma", 0x161: "wma2", 0x162: "wmapro", 0x163: "wmalossless", 0x55: "mp3", 0x01: "pcm"}
SIZES: Final = (0, 1, 2, 4)
"""Bytes of a field by its code of two bits (5.2.2)."""


class _Payload(NamedTuple):
    """A piece of a frame: its stream's number, and when the frame is shown, in milliseconds; None if not said."""

    stream: int
    time: int | None


@dataclass
class _Stream:
    number: int
    codec: str
    size: tuple[int, int] | None


def read(file: RangeReader, head: bytes) -> Streams:
    """The header's length, and its first picture and sound."""
    header = int.from_bytes(head[16:24], "little")
    parts = list(_objects(file.read(0, min(header, LARGEST_HEADER)), 30))
    properties = next(part for kind, part in parts if kind == FILE)
    streams = [stream for kind, part in parts if kind == STREAM and (stream := _stream(part))]
    picture = next((stream for stream in streams if stream.size), None)
    sound = next((stream.codec for stream in streams if not stream.size), None)
    if not picture and not sound:
        raise Unpriced("it has neither a picture nor sound")
    length, _, preroll, flags, packet = struct.unpack_from("<QQQII", properties, 64)
    seconds = length / 1e7 - preroll / 1e3
    if flags & IS_BROADCAST or seconds <= 0:
        seconds = _measured(file, header, packet, preroll)
    if not picture:
        return audio("asf", seconds, sound or "unknown")
    return video("asf", seconds, picture.size, _fps(file, header, packet, picture.number), picture.codec, sound)


def _objects(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Objects of a header (2.1): identifier and all of it."""
    while at + 24 <= len(data):
        size = int.from_bytes(data[at + 16 : at + 24], "little")
        if size < 24:
            return
        yield data[at : at + 16], data[at : at + size]
        at += size


def _stream(part: bytes) -> _Stream | None:
    """A stream of picture or sound (3.3)."""
    number = part[72] & 127
    if part[24:40] == PICTURE:  # a BITMAPINFOHEADER behind 11 bytes
        width, height = struct.unpack_from("<II", part, 78)
        code = part[78 + 11 + 16 :][:4].upper()
        return _Stream(number, PICTURES.get(code, code.decode("ascii", "replace").lower()), (width, height))
    if part[24:40] == SOUND:  # a WAVEFORMATEX
        return _Stream(number, SOUNDS.get(int.from_bytes(part[78:80], "little"), "unknown"), None)
    return None


def _measured(file: RangeReader, header: int, packet: int, preroll: int) -> float:
    """When the last frame is shown, less what is buffered before the first one."""
    data, start = file.read(header, 24), header + 50
    if data[:16] != DATA or not 0 < packet <= LARGEST_PACKET:
        raise Unpriced("it is damaged or was cut short")
    size = int.from_bytes(data[16:24], "little")
    end = min(file.size, header + size) if size > 50 else file.size
    count = (end - start) // packet
    times = [
        payload.time
        for number in range(max(0, count - PACKETS), count)
        for payload in _payloads(file.read(start + number * packet, packet))
        if payload.time is not None
    ]
    return (max(times) - preroll) / 1e3


def _fps(file: RangeReader, header: int, packet: int, stream: int) -> float | None:
    """How fast the first pictures follow each other; None if they do not say."""
    times: set[int] = set()
    for number in range(PACKETS if 0 < packet <= LARGEST_PACKET else 0):
        payloads = _payloads(file.read(header + 50 + number * packet, packet))
        times.update(part.time for part in payloads if part.stream == stream and part.time is not None)
    return round(1e3 * (len(times) - 1) / (max(times) - min(times)), 4) if len(times) > 1 else None


def _payloads(data: bytes) -> Iterator[_Payload]:
    """The payloads of a packet (5.2); none of one that is damaged."""
    if len(data) < 16:
        return
    at = 1 + (data[0] & 15) if data[0] & 0x80 else 0
    lengths, fields = data[at], data[at + 1]
    at += 2 + sum(SIZES[lengths >> shift & 3] for shift in (5, 1, 3)) + 6  # then the time of sending, and a duration
    count, size = 1, 0
    if lengths & 1:
        count, size = data[at] & 63, SIZES[data[at] >> 6]
        at += 1
    for _ in range(count):
        if at + 16 > len(data):
            return
        stream = data[at] & 127
        at += 1 + SIZES[fields >> 4 & 3] + SIZES[fields >> 2 & 3]
        copied = SIZES[fields & 3]
        length = int.from_bytes(data[at : at + copied], "little")
        at += copied
        yield _Payload(stream, int.from_bytes(data[at + 4 : at + 8], "little") if length >= 8 else None)
        at += length
        at += size + int.from_bytes(data[at : at + size], "little")
