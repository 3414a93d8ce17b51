"""The files of a run: the sample card, and six files of which AWS's documentation does not say what they lead to.

An asset's id is the SHA-256 of its content, so each run marks its files with bytes that no other file has: what it
removes afterwards cannot be the asset of somebody who has uploaded the sample card, or of another run.
"""

from __future__ import annotations

import hashlib
import os
import random
import struct
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from impp_engines import assets
from impp_footage import boxes, formats, reader
from impp_local.demo.sample_card import make_sample_card
from impp_local.engines import video
from impp_smoke.heic import heic

FOLDER: Final = "DCIM/100SMOKE"
SIZE: Final = (640, 272)
_TIMEOUT_S: Final = 120.0
_NULL_PACKET: Final = b"\x47\x1f\xff\x10"
"""Header of a packet that carries nothing (PID 0x1FFF), which every demultiplexer skips (ISO/IEC 13818-1, 2.4.3.3)."""
_PACKET_BYTES: Final = 188


@dataclass(frozen=True)
class SmokeFile:
    """A file of a run. `role` names what it is for, `state` and `reason` how it must end."""

    role: str
    path: Path
    state: str
    reason: str | None
    note: str
    sha256: str = ""

    @property
    def asset(self) -> str:
        """The id of its asset."""
        return self.sha256[:20]


@dataclass(frozen=True)
class _Difficult:
    """The recipe of a difficult file."""

    role: str
    name: str
    note: str
    make: Callable[[Path], object]
    state: str = "published"
    reason: str | None = None


def make_files(folder: Path, run: uuid.UUID) -> list[SmokeFile]:
    """Write the files of a run below `folder`, marked with its id. Raises `assets.AssetError`."""
    files = [
        SmokeFile(f"card:{entry.path.name}", entry.path, entry.state, entry.reason, entry.note)
        for entry in make_sample_card(folder)
    ]
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for difficult in _DIFFICULT:
        path = folder / FOLDER / difficult.name
        path.write_bytes(_cached(difficult).read_bytes())
        files.append(SmokeFile(difficult.role, path, difficult.state, difficult.reason, difficult.note))
    return [_marked(file, run) for file in files]


def mark(content: bytes, run: uuid.UUID) -> bytes:
    """What to append to a file so that no other has its content, although it plays the same.

    MP4 and HEIF: a `free` box, whose "contents are irrelevant and may be ignored" (ISO/IEC 14496-12, 8.1.2). A
    transport stream: a null packet. Raises ValueError for other formats.
    """
    name = f"impp smoke {run}".encode()
    match formats.sniff(content[: formats.HEAD_BYTES]):
        case "mp4" | "heif":
            return struct.pack(">I4s", 8 + len(name), b"free") + name
        case "mpegts":
            return (_NULL_PACKET + name).ljust(_PACKET_BYTES, b"\xff")
        case other:
            raise ValueError(f"no mark is known for {other}")


def _marked(file: SmokeFile, run: uuid.UUID) -> SmokeFile:
    content = file.path.read_bytes()
    content += mark(content, run)
    stat = file.path.stat()
    file.path.write_bytes(content)
    # A file without any other time was captured when it was last changed.

    os.utime(file.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return replace(file, sha256=hashlib.sha256(content).hexdigest())


def _cached(difficult: _Difficult) -> Path:
    """The file in the cache; encoded first if the cache has none of this version of the recipes."""
    recipes = hashlib.sha256(Path(__file__).read_bytes() + video.ffmpeg().encode()).hexdigest()[:16]
    path = assets.cache_root() / "smoke" / recipes / difficult.name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            file = Path(folder) / f"made{path.suffix}"
            difficult.make(file)
            file.replace(path)
    return path


# --- the difficult files ----------------------------------------------------------------------------------------------


def _street(at: float) -> list[str]:
    return ["-ss", str(at), *video.input_options(assets.path("bikes.mp4"))]


def _speech(at: float) -> list[str]:
    return ["-ss", str(at), *video.input_options(assets.path("two_cities.wav"))]


def _encode(path: Path, inputs: list[str], seconds: float, *codecs: str, filters: str = "") -> None:
    graph = ",".join(filter(None, [f"scale={SIZE[0]}:{SIZE[1]},setsar=1", filters]))
    exact = ("-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact")
    arguments = [*inputs, "-t", str(seconds), "-vf", graph, *codecs, *exact, video.output_path(path)]
    video.run(arguments, timeout_s=_TIMEOUT_S)


_H264: Final = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "28", "-pix_fmt", "yuv420p")
_HLG: Final = ("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc")
_X265_HLG: Final = "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"


def _odd_key(path: Path) -> None:
    _encode(path, _street(0.0) + _speech(0.5), 4.0, *_H264, "-c:a", "aac", "-ac", "1")


def _slow_motion(path: Path) -> None:
    tone = ["-f", "lavfi", "-i", "sine=frequency=440"]
    _encode(path, _street(2.0) + tone, 2.0, *_H264, "-c:a", "aac", "-ac", "1", filters="fps=120")


def _transport_stream(path: Path) -> None:
    _encode(path, _street(4.0) + _speech(8.0), 3.0, *_H264, "-c:a", "aac", "-ac", "2", "-f", "mpegts")


def _hlg(path: Path) -> None:
    codec = ("-c:v", "libx265", "-preset", "veryfast", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1")
    _encode(
        path, _street(5.0), 2.0, *codec, "-x265-params", _X265_HLG, *_HLG, filters="setparams=color_trc=arib-std-b67"
    )


def _photo(path: Path) -> None:
    path.write_bytes(heic(path.parent, 800, 340, scene=_street(1.0)))


def _damaged(path: Path) -> None:
    """All boxes are where they should be, but the content of the movie box is noise behind its header."""
    _encode(path, _street(6.0), 2.0, *_H264)
    content = bytearray(path.read_bytes())
    with path.open("rb") as file:
        movie = boxes.find(reader.of_file(file), b"moov", b"trak")
    if movie is None:
        raise ValueError("the clip has no trak box")
    content[movie.body : movie.end] = random.Random(7).randbytes(movie.end - movie.body)  # noqa: S311  # no secret
    path.write_bytes(content)


# A name that begins with `dash` makes the edge take a file for a dash cam's, of which fewer frames are analysed.
_DIFFICULT: Final = (
    _Difficult(
        "odd-key",
        "Fähre + 100% #1 \"echt\" & 'neu' 車.mp4",
        "a name with spaces, +, %, # and other alphabets; mono speech",
        _odd_key,
    ),
    _Difficult("slow-motion", "dash-slow-motion.mp4", "120 frames per second, mono sound", _slow_motion),
    _Difficult("transport-stream", "dash-stream.ts", "a container that states no duration", _transport_stream),
    _Difficult("hlg", "dash-hlg.mp4", "high dynamic range (HLG), 10 bits", _hlg),
    _Difficult("photo", "photo.heic", "a HEIC photo", _photo),
    _Difficult("damaged", "damaged.mp4", "noise in the movie box", _damaged, "quarantined", "corrupt"),
)
