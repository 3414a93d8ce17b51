"""Media formats by their first bytes or by the extension of a name; the size of a still picture."""

from __future__ import annotations

import re
import struct

HEAD_BYTES = 4096
"""Bytes that :func:`sniff` needs at most."""

BOXED_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid")
"""Boxes that an ISO base media or QuickTime file can begin with."""
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif")
"""Brands of still pictures: HEIC, AVIF."""
_IMAGES = {"jpeg", "png", "gif", "webp", "tiff", "heif", "avif"}
_PREFIXES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\x00\x00\x01\xba", "mpegps"),
    (b"\x00\x00\x01\xb3", "mpegvideo"),
    (b"FLV\x01", "flv"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x06\x0e\x2b\x34", "mxf"),
    (b"ID3", "mp3"),
    (b"#!AMR", "amr"),
)
_RIFF = {b"AVI ": "avi", b"WAVE": "wave", b"WEBP": "webp"}
_EXTENSIONS = (
    r"(?i)\.(mp4|m4v|mov|qt|mkv|webm|avi|m?ts|m2ts|mpe?g|3gp|wmv|flv|insv|360"
    r"|mp3|m4a|wav|flac|ogg|opus|amr|aac|jpe?g|png|hei[cf]|webp|gif|tiff?|dng)$"
)


def is_media(name: str, head: bytes) -> bool:
    """Whether a file of no known camera is footage, by its extension or by its first 512 bytes."""
    return bool(re.search(_EXTENSIONS, name)) or sniff(head) is not None


def sniff(head: bytes) -> str | None:
    """The container or image format by magic numbers, None for anything else."""
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[4:8] in BOXED_FIRST:
        brand = head[8:12] if head[4:8] == b"ftyp" else b""
        return "avif" if brand == b"avif" else "heif" if brand in HEIF_BRANDS else "mp4"
    if _repeats(head, 0x47, 0, 188) or _repeats(head, 0x47, 4, 192):  # 192: M2TS, a time code before each packet
        return "mpegts"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 2 and head[0] == 0xFF and _is_mpeg_audio(head[1], head[2]):
        return "mp3"
    return None


def is_image(container: str) -> bool:
    """Whether a sniffed format is a still picture."""
    return container in _IMAGES


def image_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF, WebP or JPEG by its first bytes, None where they do not say."""
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    if head.startswith(b"GIF8") and len(head) >= 10:
        width, height = struct.unpack_from("<HH", head, 6)
        return width, height
    if head[8:12] == b"WEBP" and len(head) >= 30:
        return _webp_size(head)
    return _jpeg_size(head) if head.startswith(b"\xff\xd8") else None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """By the first chunk: RFC 9649, 2.5 (lossy), 2.6 (lossless) and 2.7 (extended)."""
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + length
    return None


def _is_mpeg_audio(first: int, second: int) -> bool:
    """The rest of a frame header of MPEG audio, layer II or III, after 0xFF. (0xFF 0xFE is a text in UTF-16.)"""
    version, layer, rate, sampling = first >> 3 & 3, first >> 1 & 3, second >> 4, second >> 2 & 3
    return first >> 5 == 7 and version != 1 and layer in (1, 2) and rate not in (0, 15) and sampling != 3


def _repeats(head: bytes, sync: int, first: int, every: int) -> bool:
    return len(head) > first + 2 * every and all(head[first + n * every] == sync for n in range(3))
