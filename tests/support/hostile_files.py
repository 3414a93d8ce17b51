"""Small files that claim much: what a stranger with one upload may send, by container and by the part that lies."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import av
from PIL import Image
from tests.support import synthetic_media

MARKUP: Final = "<script>alert(1)</script>\x1b[31m<!channel>=1+1"


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *chunks: bytes, picture: bytes = b"") -> bytes:
    head = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + _png_chunk(b"IDAT", picture) + _png_chunk(b"IEND", b"")


def png_with_texts() -> bytes:
    """40 compressed texts and a colour profile of 16 MB each."""
    packed = zlib.compress(bytes(16 << 20), 9)
    texts = [_png_chunk(b"zTXt", b"key%d\0\0" % number + packed) for number in range(40)]
    return _png(8, 8, _png_chunk(b"iCCP", b"p\0\0" + packed), *texts, picture=zlib.compress(bytes(16)))


def gif(side: int, frames: int) -> bytes:
    """A screen of `side` squared, with frames of one pixel."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * frames + b"\x3b"


def tiff(side: int, *, loops: bool = False) -> bytes:
    """One compressed strip for the whole picture; a directory that is its own successor."""
    strip = zlib.compress(bytes(1 << 20), 9)
    at = 8 + len(strip)
    tags = ((256, side), (257, side), (258, 8), (259, 8), (262, 1), (273, 8), (277, 1), (278, side), (279, len(strip)))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", at) + strip + directory + struct.pack("<I", at if loops else 0)


def avif_of_other_size() -> bytes:
    """64 x 64 pixels whose container says 8000 x 8000."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "AVIF", speed=10)
    data = bytearray(out.getvalue())
    at = data.find(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 8000, 8000)
    return bytes(data)


def webp_of_many_frames() -> bytes:
    """30 frames of 0.5 megapixels."""
    frames = [Image.new("RGB", (800, 600), (number, 0, 0)) for number in range(30)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=10, lossless=True, method=0)
    return out.getvalue()


def _element(identity: bytes, data: bytes, size: int | None = None) -> bytes:
    """An element of EBML (RFC 8794)."""
    return identity + struct.pack(">Q", (len(data) if size is None else size) | 1 << 56) + data


def matroska(*elements: bytes) -> bytes:
    """A clip of two seconds whose segment, of unknown length, begins with these elements."""
    clip = synthetic_media.movie(synthetic_media.scenes(2, 1), sound=synthetic_media.hum(2))
    out = io.BytesIO()
    with av.open(io.BytesIO(clip)) as source, av.open(out, "w", format="matroska") as target:
        target.metadata["title"] = MARKUP
        streams = [target.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    data = out.getvalue()
    at = data.find(b"\x18\x53\x80\x67") + 4
    return data[:at] + b"\x01" + b"\xff" * 7 + b"".join(elements) + data[at + 8 :]


def attachments() -> bytes:
    """Files of 1 MB with the name of a system file."""
    name = _element(b"\x46\x6e", b"../../../../etc/cron.d/x\0")
    data = _element(b"\x46\x5c", bytes(1 << 20))
    one = name + _element(b"\x46\x60", b"application/x-truetype-font") + data + _element(b"\x46\xae", b"\x01")
    return _element(b"\x19\x41\xa4\x69", _element(b"\x61\xa7", one) * 3)


def chapters(count: int, depth: int = 1) -> bytes:
    """`count` chapters within each other `depth` times, with markup as title."""
    title = _element(b"\x80", _element(b"\x85", MARKUP.encode()))
    atom = _element(b"\xb6", _element(b"\x73\xc4", b"\x01") + _element(b"\x91", b"\0") + title) * count
    for _ in range(depth - 1):
        atom = _element(b"\xb6", atom)
    return _element(b"\x10\x43\xa7\x70", _element(b"\x45\xb9", atom))


def _sound(kind: str, codec: str, **metadata: str) -> bytes:
    clip, out = io.BytesIO(synthetic_media.movie([], sound=synthetic_media.hum(2))), io.BytesIO()
    with av.open(clip) as source, av.open(out, "w", format=kind) as target:
        target.metadata.update(metadata)
        stream: Any = target.add_stream(codec, rate=48_000)
        stream.layout = "mono"
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=48_000)
        for frame in source.decode(source.streams.audio[0]):
            for part in resampler.resample(frame):
                target.mux(stream.encode(part))
        target.mux(stream.encode(None))
    return out.getvalue()


def flac_with_pictures() -> bytes:
    """16 covers of 400 megapixels each."""
    cover = _png(20_000, 20_000, picture=zlib.compress(bytes(1 << 20), 9))
    head = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">I", 0) + struct.pack(">IIII", 65_535, 65_535, 24, 0)
    block = head + struct.pack(">I", len(cover)) + cover
    data = _sound("flac", "flac", title=MARKUP)
    return (
        data[:4]
        + bytes([data[4] & 0x7F])
        + data[5:42]
        + (b"\x06" + struct.pack(">I", len(block))[1:] + block) * 16
        + data[42:]
    )


def ogg_of_a_million_years() -> bytes:
    """A false position on its last page."""
    data = bytearray(_sound("ogg", "libopus", title=MARKUP * 100))
    at = data.rfind(b"OggS") + 6
    data[at : at + 8] = struct.pack("<Q", 1 << 62)
    return bytes(data)


def mp3_with_a_large_tag(stated: int) -> bytes:
    """An ID3 tag of 1 MB that states another size."""
    size = bytes(stated >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + MARKUP.encode() * ((1 << 20) // len(MARKUP)) + _sound("mp3", "libmp3lame")


def wave_of_4_gb() -> bytes:
    """64 kB that say 4 GB, in 255 channels."""
    form = struct.pack("<IHHIIHH", 16, 1, 255, 8000, 8000 * 510, 510, 16)
    return b"RIFF" + b"\xf0\xff\xff\xff" + b"WAVEfmt " + form + b"data" + b"\xf0\xff\xff\xff" + bytes(1 << 16)


FILES: Final[Mapping[str, tuple[str, Callable[[], bytes]]]] = {
    "AVIF of another size": ("image", avif_of_other_size),
    "FLAC with pictures": ("audio", flac_with_pictures),
    "GIF of 4 gigapixels": ("image", lambda: gif(65_535, 1)),
    "GIF of 20,000 frames": ("image", lambda: gif(9_900, 20_000)),
    "MP3 with a tag of 256 MB": ("audio", lambda: mp3_with_a_large_tag((1 << 28) - 1)),
    "MP3 with a tag of 1 MB": ("audio", lambda: mp3_with_a_large_tag(1 << 20)),
    "Matroska with a void of 1 TB": ("video", lambda: matroska(_element(b"\xec", bytes(1000), 1 << 40))),
    "Matroska with attachments": ("video", lambda: matroska(attachments())),
    "Matroska with 5,000 chapters": ("video", lambda: matroska(chapters(5_000))),
    "Matroska with 1,000 levels": ("video", lambda: matroska(chapters(1, 1_000))),
    "Ogg of a million years": ("audio", ogg_of_a_million_years),
    "PNG with texts of 640 MB": ("image", png_with_texts),
    "TIFF of 3.6 gigapixels": ("image", lambda: tiff(60_000)),
    "TIFF whose strip is short": ("image", lambda: tiff(9_999)),
    "TIFF that loops": ("image", lambda: tiff(100, loops=True)),
    "WAVE of 4 GB": ("audio", wave_of_4_gb),
    "WebP of 30 frames": ("image", webp_of_many_frames),
}
"""By name: kind and file."""
