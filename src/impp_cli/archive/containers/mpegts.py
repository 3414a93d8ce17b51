"""MPEG transport streams: .ts, and .mts and .m2ts of camcorders (ISO 13818-1).

They state neither length nor frame rate. Both follow from the time stamps of packets at the start, at some places
between, and at the end: reading all of a file would take as long as copying it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from impp_cli.archive.containers import pictures, timestamps
from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage import formats
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

START: Final = 2 << 20
"""Bytes at the start in which tables, the first stamps and the picture's description are looked for."""
PICTURES: Final = {
    0x01: "mpeg1", 0x02: "mpeg2", 0x10: "mpeg4", 0x1B: "h264", 0x24: "hevc", 0xEA: "vc1",
}  # fmt: skip
SOUNDS: Final = {
    0x03: "mp2", 0x04: "mp2", 0x0F: "aac", 0x11: "aac", 0x80: "pcm", 0x81: "ac3", 0x83: "truehd", 0x87: "eac3",
}  # fmt: skip
"""Codecs by stream type (table 2-34; 0x80 to 0x83 as Blu-ray and AVCHD use them; ATSC A/53, A/52)."""
PRIVATE: Final = {0x6A: "ac3", 0x7A: "eac3"}
"""Codecs of private streams by the descriptor that names them (ETSI EN 300 468, table 12)."""


class Packet(NamedTuple):
    """What a packet carries; `begins` says that a table or a frame begins in it."""

    pid: int
    begins: bool
    payload: bytes


class Track(NamedTuple):
    """A stream of the programme that is a picture or a sound."""

    pid: int
    codec: str
    is_picture: bool


def read(file: RangeReader, head: bytes) -> Streams:
    """The first programme's first picture and sound."""
    layout = formats.packets(head)
    if layout is None:
        raise Unpriced("it does not begin as a transport stream")
    packets = list(_packets(file.read(0, START), *layout))
    tracks = _tracks(packets)
    main = next((track for track in tracks if track.is_picture), tracks[0])
    sound = next((track.codec for track in tracks if not track.is_picture), None)
    times = _stamps(packets, main.pid)
    frame = timestamps.frame(times)
    ticks = timestamps.span(file.size, times[0], lambda at: _stamps(_packets_at(file, layout, at), main.pid))
    seconds = (ticks + frame) / timestamps.TICKS
    if not main.is_picture:
        return audio("mpegts", seconds, main.codec)
    size = pictures.size(main.codec, _coded(packets, main.pid))
    return video("mpegts", seconds, size, round(timestamps.TICKS / frame, 4) if frame else None, main.codec, sound)


def _packets(data: bytes, length: int, first: int) -> Iterator[Packet]:
    """Packets with a payload (2.4.3.2); bytes that are no packet are left out."""
    for at in range(first, len(data) - 187, length):
        if data[at] != 0x47:
            continue
        skip = 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
        if data[at + 3] & 0x10 and skip < 188:
            yield Packet((data[at + 1] & 31) << 8 | data[at + 2], bool(data[at + 1] & 64), data[at + skip : at + 188])


# --- tables -----------------------------------------------------------------------------------------------------------


def _tracks(packets: list[Packet]) -> list[Track]:
    """Pictures and sounds of the first programme (2.4.4.4, 2.4.4.9)."""
    programmes = _table(packets, 0, 0)
    entries = [programmes[at : at + 4] for at in range(8, len(programmes) - 3, 4)]
    pids = [int.from_bytes(entry[2:]) & 0x1FFF for entry in entries if entry[:2] != b"\0\0"]
    table = _table(packets, pids[0], 2)
    tracks, at = [], 12 + (int.from_bytes(table[10:12]) & 0xFFF)
    while at + 5 <= len(table):
        kind, pid = table[at], int.from_bytes(table[at + 1 : at + 3]) & 0x1FFF
        end = at + 5 + (int.from_bytes(table[at + 3 : at + 5]) & 0xFFF)
        codec = PICTURES.get(kind) or SOUNDS.get(kind) or (_of_private(table[at + 5 : end]) if kind == 6 else None)
        if codec:
            tracks.append(Track(pid, codec, kind in PICTURES))
        at = end
    return tracks


def _table(packets: list[Packet], pid: int, kind: int) -> bytes:
    """The first whole table of a kind (2.4.4.1), without its checksum. Raises LookupError."""
    section = b""
    for packet in packets:
        if packet.pid != pid:
            continue
        section = packet.payload[1 + packet.payload[0] :] if packet.begins else section + packet.payload
        end = 3 + (int.from_bytes(section[1:3]) & 0xFFF)
        if section[:1] == bytes([kind]) and len(section) >= end:
            return section[: end - 4]
    raise LookupError(pid)


def _of_private(descriptors: bytes) -> str | None:
    at = 0
    while at + 2 <= len(descriptors):
        tag, end = descriptors[at], at + 2 + descriptors[at + 1]
        if tag in PRIVATE:
            return PRIVATE[tag]
        if tag == 5 and descriptors[at + 2 : end] == b"Opus":  # a registration (ISO 13818-1, 2.6.8)
            return "opus"
        at = end
    return None


# --- time -------------------------------------------------------------------------------------------------------------


def _stamps(packets: list[Packet], pid: int) -> list[int]:
    """Time stamps of a stream's frames (2.4.3.7)."""
    times = []
    for packet in packets:
        data = packet.payload
        if packet.pid == pid and packet.begins and len(data) >= 14 and data[:3] == b"\0\0\1" and data[7] & 0x80:
            times.append(timestamps.read(data[9:14]))
    return times


def _packets_at(file: RangeReader, layout: tuple[int, int], start: int) -> list[Packet]:
    """Packets from some place on, a window of them."""
    length, first = layout
    begin = first + max(0, start - first) // length * length
    return list(_packets(file.read(begin, timestamps.WINDOW + length), length, 0))


def _coded(packets: list[Packet], pid: int) -> bytes:
    """The beginning of a stream, without the heads of its frames."""
    pieces = [
        packet.payload[9 + packet.payload[8] :] if packet.begins else packet.payload
        for packet in packets
        if packet.pid == pid
    ]
    return b"".join(pieces)
