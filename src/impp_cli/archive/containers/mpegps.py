"""MPEG program streams: DVDs (.vob), camcorders with a hard disk (.mod, .mpg) (ISO 13818-1, 2.5; ISO 11172-1).

They state no length. It follows from the time stamps at the start, at some places between and at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from impp_cli.archive.containers import pictures, timestamps
from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

START: Final = 2 << 20
"""Bytes at the start in which the tracks and the picture's description are looked for."""
PACK, SYSTEM, MAP, PRIVATE, PADDING = 0xBA, 0xBB, 0xBC, 0xBD, 0xBE
"""Codes of what is no picture or sound (table 2-22)."""
PICTURES, SOUNDS = range(0xE0, 0xF0), range(0xC0, 0xE0)
TYPES: Final = {0x01: "mpeg1", 0x02: "mpeg2", 0x10: "mpeg4", 0x1B: "h264", 0x24: "hevc", 0x0F: "aac", 0x11: "aac"}
"""Codecs by the type that a map of the program names (table 2-34)."""
DVD: Final = ((0x80, 0x88, "ac3"), (0x88, 0x90, "dts"), (0xA0, 0xA8, "pcm"), (0xC0, 0xC8, "ac3"))
"""Codecs by the first byte of a private stream's packets (DVD-Video, ATSC A/52)."""


class _Packet(NamedTuple):
    """A packet of the `stream` of a code; `time` is None if it has no time stamp."""

    stream: int
    time: int | None
    payload: bytes


def read(file: RangeReader, _head: bytes) -> Streams:
    """The first picture and the first sound."""
    data = file.read(0, START)
    packets = list(_packets(data))
    picture = next((packet.stream for packet in packets if packet.stream in PICTURES), None)
    heard = next((packet for packet in packets if _is_sound(packet)), None)
    if picture is None and heard is None:
        raise Unpriced("it has neither a picture nor sound in its first 2 MiB")
    types = _types(data)
    sound = (types.get(heard.stream) or _sound(heard)) if heard else None
    main = picture if picture is not None else heard.stream if heard else 0
    times = _times(packets, main)
    coded = b"".join(packet.payload for packet in packets if packet.stream == picture)
    codec = types.get(main) or ("mpeg2" if b"\0\0\1\xb5" in coded else "mpeg1")
    fps = pictures.rate(codec, coded)
    frame = timestamps.TICKS / fps if fps else timestamps.frame(times)
    ticks = timestamps.span(file.size, times[0], lambda at: _times(_packets(file.read(at, timestamps.WINDOW)), main))
    seconds = (ticks + frame) / timestamps.TICKS
    if picture is None:
        return audio("mpegps", seconds, sound or "unknown")
    rate = fps or (timestamps.TICKS / frame if frame else None)
    return video("mpegps", seconds, pictures.size(codec, coded), rate, codec, sound)


def _packets(data: bytes) -> Iterator[_Packet]:
    """Packets from the first pack on, with what there is of them."""
    at = data.find(b"\0\0\1\xba")
    while 0 <= at <= len(data) - 16:
        code = data[at + 3]
        if data[at : at + 3] != b"\0\0\1" or code < PACK:
            at = data.find(b"\0\0\1\xba", at + 1)
        elif code == PACK:
            at += 14 + (data[at + 13] & 7) if data[at + 4] >> 6 == 1 else 12
        else:
            end = at + 6 + int.from_bytes(data[at + 4 : at + 6])
            if code == PRIVATE or code in PICTURES or code in SOUNDS:
                yield _packet(code, data[at + 6 : end])
            at = end


def _packet(code: int, body: bytes) -> _Packet:
    """A packet by its content (2.4.3.6), which in MPEG-1 begins otherwise (ISO 11172-1, 2.4.3.3)."""
    if body[:1] and body[0] >> 6 == 2:
        return _Packet(code, timestamps.read(body[3:8]) if body[1] & 0x80 else None, body[3 + body[2] :])
    body = body.lstrip(b"\xff")
    if body[:1] and body[0] >> 6 == 1:
        body = body[2:]
    has_time = bool(body[:1]) and body[0] >> 4 in (2, 3)
    skip = (10 if body[0] >> 4 == 3 else 5) if has_time else 1
    return _Packet(code, timestamps.read(body) if has_time else None, body[skip:])


def _times(packets: Iterator[_Packet] | list[_Packet], stream: int) -> list[int]:
    return [packet.time for packet in packets if packet.stream == stream and packet.time is not None]


def _is_sound(packet: _Packet) -> bool:
    return packet.stream in SOUNDS or (packet.stream == PRIVATE and _sound(packet) is not None)


def _sound(packet: _Packet) -> str | None:
    if packet.stream in SOUNDS:
        return "mp2"
    return next((name for first, end, name in DVD if first <= (packet.payload or b"\0")[0] < end), None)


def _types(data: bytes) -> dict[int, str]:
    """Codecs by stream as a map names them (2.5.4.1), which few files have."""
    at = data.find(b"\0\0\1\xbc")
    if at < 0:
        return {}
    at += 10 + int.from_bytes(data[at + 8 : at + 10])
    end = at + 2 + int.from_bytes(data[at : at + 2])
    at, types = at + 2, {}
    while at + 4 <= min(end, len(data)):
        if data[at] in TYPES:
            types[data[at + 1]] = TYPES[data[at]]
        at += 4 + int.from_bytes(data[at + 2 : at + 4])
    return types
