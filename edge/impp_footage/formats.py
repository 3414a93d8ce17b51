"""Media formats: the one table of those that the edge uploads and the pipeline reads; the size of a still picture."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

HEAD_BYTES = 4096
"""Bytes that :func:`sniff` needs at most."""


class Format(NamedTuple):
    """A container or picture format by the ``name`` that :func:`sniff` gives it, and the extensions of its files.

    ``demuxer`` is FFmpeg's name of what reads it, "" for a picture. ``is_encodable``: MediaConvert lists it as an input
    (its user guide, "Supported input formats").
    """

    name: str
    extensions: str
    demuxer: str = ""
    is_encodable: bool = False


FORMATS = (
    Format("mp4", "mp4 m4v mov qt 3gp 3g2 m4a f4v insv 360", "mov", True),
    Format("matroska", "mkv webm mka", "matroska", True),
    Format("avi", "avi", "avi", True),
    Format("mpegts", "ts mts m2t m2ts tod", "mpegts", True),
    Format("mpegps", "mpg mpeg m2p vob mod", "mpeg", True),
    Format("mpegvideo", "m1v m2v", "mpegvideo", True),
    Format("asf", "wmv wma asf", "asf", True),
    Format("flv", "flv", "flv", True),
    Format("mxf", "mxf", "mxf", True),
    Format("dv", "dv dif", "dv"),
    Format("ogg", "ogg ogv oga opus", "ogg", True),
    Format("wave", "wav", "wav", True),
    Format("aiff", "aif aiff", "aiff"),
    Format("caf", "caf", "caf"),
    Format("mp3", "mp3", "mp3", True),
    Format("flac", "flac", "flac", True),
    Format("aac", "aac", "aac", True),
    Format("ac3", "ac3 eac3", "ac3,eac3", True),
    Format("amr", "amr", "amr"),
    Format("jpeg", "jpg jpeg jpe"),
    Format("png", "png"),
    Format("gif", "gif"),
    Format("webp", "webp"),
    Format("tiff", "tif tiff dng arw cr2 nef"),
    Format("heif", "heic heif"),
    Format("avif", "avif"),
)
DEMUXERS = ",".join(row.demuxer for row in FORMATS if row.demuxer)
"""FFmpeg's demuxers for these formats, as its options list them. They hold their media themselves: no playlists."""

BOXED_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"styp", b"sidx", b"moof")
"""Boxes that an ISO base media or QuickTime file, or a segment of one, can begin with."""
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif")
"""Brands of still pictures: HEIC, AVIF."""
_IMAGES = frozenset(row.name for row in FORMATS if not row.demuxer)
_EXTENSIONS = {extension: row.name for row in FORMATS for extension in row.extensions.split()}
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
    (b"#!AMR", "amr"),
    (b"caff\x00\x01", "caf"),
    (b"\x1f\x07\x00\x3f", "dv"),  # the header block of a DIF sequence, 525 lines or 625 (IEC 61834-2)
    (b"\x1f\x07\x00\xbf", "dv"),
)
_RIFF = {b"AVI ": "avi", b"WAVE": "wave", b"WEBP": "webp"}
_MXF_KEY = re.compile(rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02[\x01-\x04]\x00[\x83\x84\x87\x88]")
"""The key of a header partition pack and the first byte of its length; a run-in of up to 64 KiB may precede it (SMPTE
ST 377-1, 6.5 and 7.1)."""
_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Lengths of a transport stream's packets and where the sync byte stands: plain, with a time code before each (M2TS),
with error correction behind each."""


def of_name(name: str) -> str | None:
    """The format by the extension of a file's name."""
    return _EXTENSIONS.get(name.rpartition(".")[2].lower()) if "." in name else None


def is_media(name: str, head: bytes) -> bool:
    """Whether a file of no known camera is footage, by its extension or by its first :data:`HEAD_BYTES`."""
    return of_name(name) is not None or sniff(head) is not None


def sniff(head: bytes) -> str | None:
    """The container or image format by magic numbers, None for anything else."""
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] in BOXED_FIRST and not _is_text(head):
        brand = head[8:12] if head[4:8] == b"ftyp" else b""
        return "avif" if brand == b"avif" else "heif" if brand in HEIF_BRANDS else "mp4"
    if packets(head):
        return "mpegts"
    if head[:3] == b"ID3" and head[3:4] < b"\x10":  # the version: 2 to 4
        return "mp3"
    if head[:2] == b"\x0b\x77" and len(head) > 5 and _is_ac3(head[4], head[5] >> 3):
        return "ac3"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 2 and head[0] == 0xFF and _is_mpeg_audio(head[1], head[2]):
        return "mp3"
    return "mxf" if _MXF_KEY.search(head) else None


_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
    (b"#EXTM3U", "a playlist, which holds no footage itself"),
    (
        b"\x00\x00\x00\x01",
        "a bare stream of H.264 or H.265; copy it into an MP4 file, without encoding it again",
    ),
    (
        b"DKIF",
        "frames of VP8, VP9 or AV1 without a container; copy them into a Matroska file, without encoding them again",
    ),
    (b"YUV4MPEG2", "uncompressed pictures for a program to read; encode them"),
    (b"nut/multimedia", "a NUT file of FFmpeg; copy it into an MP4 or MKV"),
    (b"FUJIFILMCCD-RAW", "a raw photo of Fujifilm; export it as DNG or JPEG"),
    (b"IIRO", "a raw photo of Olympus; export it as DNG or JPEG"),
    (b"IIU\x00", "a raw photo of Panasonic; export it as DNG or JPEG"),
    (b"BM", "a BMP picture, which no camera writes"),
    (b"<svg", "a drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
)


def other_kind(head: bytes) -> str:
    """What a file that is no footage seems to be, in words."""
    lower = head[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for prefix, kind in _OTHERS:
        if head.startswith(prefix) or (prefix[:1] == b"<" and lower.startswith(prefix)):
            return kind
    if not head.strip(b"\x00"):
        return "zero bytes: the space was reserved, but nothing written"
    if all(byte in b"\t\n\r" or 0x20 <= byte != 0x7F for byte in head[:512]):
        return "a text"
    return f"data of an unknown kind, which begin with {head[:8].hex(' ')}"


def packets(head: bytes) -> tuple[int, int] | None:
    """The length of a transport stream's packets, and where the first one begins; None for anything else. Sync bytes
    repeat: three from the first packet on; five where the first packet was cut, for certainty."""
    for length, first in _PACKETS:
        if _repeats(head, first, length, 3):
            return length, first
        cut = next((at for at in range(length) if _repeats(head, at, length, 5)), None)
        if cut is not None:
            return length, cut
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
    frame = _jpeg_frame(head)
    return frame[1:] if frame else None


def jpeg_bits(head: bytes) -> int | None:
    """Bits per colour of a JPEG by its first bytes; None where they do not say. Cameras write 8, scanners of film and
    medical devices also 12 (ITU-T T.81, B.2.2)."""
    frame = _jpeg_frame(head)
    return frame[0] if frame else None


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


def _jpeg_frame(head: bytes) -> tuple[int, int, int] | None:
    """Bits per colour, width and height."""
    at = 2 if head.startswith(b"\xff\xd8") else len(head)
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            bits, height, width = struct.unpack_from(">BHH", head, at + 4)
            return bits, width, height
        at += 2 + length
    return None


def _is_text(head: bytes) -> bool:
    """Whether four letters that look like the kind of a box are part of a word ("The free world"): what would be the
    box's length are letters too, 500 MB and more, and so is its content. Footage can be as long; its content is none.
    """
    return len(head) >= 12 and all(0x20 <= byte < 0x7F or byte in b"\t\r\n" for byte in head[:4] + head[8:32])


def _is_ac3(second: int, version: int) -> bool:
    """The rest of a frame header of AC-3, whose rate and length have a code each (ATSC A/52, 5.4.1 and 5.4.2), or of
    E-AC-3 (E.2.3.1)."""
    return 11 <= version <= 16 or (version <= 10 and second >> 6 != 3 and second & 0x3F < 38)


def _is_mpeg_audio(first: int, second: int) -> bool:
    """The rest of a frame header of MPEG audio, layer II or III, after 0xFF. (0xFF 0xFE is a text in UTF-16.)"""
    version, layer, rate, sampling = first >> 3 & 3, first >> 1 & 3, second >> 4, second >> 2 & 3
    return first >> 5 == 7 and version != 1 and layer in (1, 2) and rate not in (0, 15) and sampling != 3


def _repeats(head: bytes, first: int, every: int, times: int) -> bool:
    return len(head) > first + (times - 1) * every and all(head[first + n * every] == 0x47 for n in range(times))
