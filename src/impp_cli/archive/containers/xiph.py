"""FLAC, and Ogg with Opus, Vorbis, FLAC, Speex or Theora in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from impp_cli.archive.containers.reader import audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

TAIL: Final = 2 * 65_307
"""Bytes at the end of a file in which a stream's last page begins: the largest page, of each of two streams (RFC 3533,
6)."""
OPUS_RATE: Final = 48_000
"""Ticks per second of Opus's positions, whatever the rate of what was encoded (RFC 7845, 4)."""
NO_POSITION: Final = (1 << 64) - 1


def flac(_file: RangeReader, head: bytes) -> Streams:
    """STREAMINFO (RFC 9639, 8.2): 20 bits of sample rate, 3 of channels, 5 of depth, 36 of samples."""
    rate, samples = _streaminfo(head, 8)
    return audio("flac", samples / rate, "flac")


def ogg(file: RangeReader, head: bytes) -> Streams:
    """The position of each stream's last page: samples, or a keyframe and frames since (Theora)."""
    known = {serial: stream for serial, _, body in _pages(head) if (stream := _identified(body))}
    ends = {
        serial: position
        for serial, position, _ in _pages(file.read(max(0, file.size - TAIL), TAIL))
        if position != NO_POSITION
    }
    lengths = {serial: known[serial].seconds(position) for serial, position in ends.items() if serial in known}
    pictures = [stream for stream in known.values() if stream.size]
    sounds = [stream.codec for stream in known.values() if not stream.size]
    if not pictures:
        return audio("ogg", max(lengths.values()), sounds[0])
    first = pictures[0]
    return video("ogg", max(lengths.values()), first.size, first.rate, first.codec, sounds[0] if sounds else None)


@dataclass(frozen=True)
class _Stream:
    """A stream: `rate` is positions per second, of which `skip` are not played; `shift` divides a position of Theora's
    into the frame of the last keyframe and the frames since."""

    codec: str
    rate: float
    skip: int = 0
    size: tuple[int, int] | None = None
    shift: int = 0

    def seconds(self, position: int) -> float:
        if self.size:
            position = (position >> self.shift) + (position & (1 << self.shift) - 1)
        return max(0, position - self.skip) / self.rate


def _identified(packet: bytes) -> _Stream | None:
    """A stream by its first packet; None for another packet, and for what is neither sound nor picture."""
    if packet.startswith(b"OpusHead"):  # RFC 7845, 5.1
        return _Stream("opus", OPUS_RATE, skip=struct.unpack_from("<H", packet, 10)[0])
    if packet.startswith(b"\x01vorbis"):  # Vorbis I specification, 4.2.2
        return _Stream("vorbis", struct.unpack_from("<I", packet, 12)[0])
    if packet.startswith(b"\x7fFLAC"):  # RFC 9639, 10.1: STREAMINFO follows 9 bytes, fLaC and its head
        return _Stream("flac", _streaminfo(packet, 17)[0])
    if packet.startswith(b"Speex   "):  # Speex manual, "Ogg file format"
        return _Stream("speex", struct.unpack_from("<I", packet, 36)[0])
    if packet.startswith(b"\x80theora"):  # Theora specification, 6.2
        width, height = int.from_bytes(packet[14:17]), int.from_bytes(packet[17:20])
        frames, seconds = struct.unpack_from(">II", packet, 22)
        shift = struct.unpack_from(">H", packet, 40)[0] >> 5 & 31
        return _Stream("theora", frames / seconds, size=(width, height), shift=shift)
    return None


def _streaminfo(data: bytes, at: int) -> tuple[int, int]:
    """Sample rate and number of samples of a STREAMINFO block."""
    (bits,) = struct.unpack_from(">Q", data, at + 10)
    return bits >> 44, bits & (1 << 36) - 1


def _pages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Pages that begin in some bytes: serial number, position, and what there is of the content (RFC 3533, 6)."""
    at = data.find(b"OggS")
    while at >= 0 and at + 27 <= len(data):
        position, serial = struct.unpack_from("<QI", data, at + 6)
        body = at + 27 + data[at + 26]
        yield serial, position, data[body : body + sum(data[at + 27 : body])]
        at = data.find(b"OggS", at + 4)
