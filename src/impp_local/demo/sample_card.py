"""A sample SD card with the files of a dash cam and a phone, made from real footage and real speech.

The pictures are the street scenes of `bikes.mp4`, the sound is the reading of `two_cities.wav` (see `assets` and
THIRD_PARTY.md); ffmpeg cuts, scales and stamps them. Every run writes the same bytes, clips are a few seconds long so
that a whole run is quick on two cores, and all times are in UTC.

    card/BlackVue/Record/20261017_081500_NF.mp4   front camera, routine drive        ..._NR.mp4 the rear one
    card/DCIM/Camera/PXL_20261018_143210512.mp4   a phone held upright
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from impp_engines import assets
from impp_local.engines import video

_TIMEOUT_S = 300.0
_DAMAGED_SHARE = 0.6


@dataclass(frozen=True)
class CardEntry:
    """A file of the card: its expected `state`, the `reason` of a failure, and a `note` about the file."""

    path: Path
    state: str
    reason: str | None
    note: str

    @property
    def expect(self) -> str:
        """The expected state."""
        return self.state


@dataclass(frozen=True)
class _Clip:
    """The recipe of a file: `scene` and `speech` are seconds in the footage and the recording, `crop` a part of the
    picture in ffmpeg's syntax, `size` that of the output, `stamp` the text that the camera burns in."""

    name: str
    scene: float
    seconds: float
    size: tuple[int, int]
    note: str
    speech: float | None = None
    crop: str | None = None
    mirrored: bool = False
    upright: bool = False
    stamp: str | None = None
    damaged: bool = False

    @property
    def recorded(self) -> datetime:
        """The time in the name."""
        digits = "".join(filter(str.isdigit, self.name.rpartition("/")[2]))[:14]
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


_FRONT, _REAR, _PHONE = (1280, 544), (854, 362), (720, 1280)

_CLIPS = (
    _Clip(
        "BlackVue/Record/20261017_081500_NF.mp4",
        0.0,
        8.0,
        _FRONT,
        "front, routine drive, somebody reads aloud",
        speech=0.5,
        stamp="2026-10-17 08:15:00  42 KM/H",
    ),
    _Clip("BlackVue/Record/20261017_081500_NR.mp4", 2.0, 8.0, _REAR, "rear, the same minute", mirrored=True),
    _Clip(
        "BlackVue/Record/20261017_081612_EF.mp4",
        4.0,
        6.0,
        _FRONT,
        "front, event: a cyclist beside the car",
        speech=22.8,
        stamp="2026-10-17 08:16:12  EVENT  31 KM/H",
    ),
    _Clip("BlackVue/Record/20261017_081612_ER.mp4", 1.0, 6.0, _REAR, "rear, the same event", mirrored=True),
    _Clip(
        "BlackVue/Record/20261017_190210_PF.mp4",
        8.0,
        5.0,
        _FRONT,
        "front, parked, a clip without a sound track",
        mirrored=True,
        stamp="2026-10-17 19:02:10  PARKING",
    ),
    _Clip(
        "DCIM/Camera/PXL_20261018_143210512.mp4",
        5.0,
        6.0,
        _PHONE,
        "a phone held upright: stored lying, with the rotation in its metadata",
        speech=30.0,
        crop="153:272:340:0",
        upright=True,
    ),
    _Clip(
        "BlackVue/Record/20261017_082044_NF.mp4",
        3.0,
        6.0,
        _FRONT,
        "front, cut off: the power went while the camera was writing",
        speech=12.0,
        damaged=True,
    ),
)


def make_sample_card(dest: Path) -> list[CardEntry]:
    """Write the sample card below `dest`; returns its files in the order of the list.

    The files are encoded once and kept in the cache of `assets`; further cards are copies of them. Raises
    `assets.AssetError` when the footage cannot be fetched.
    """
    entries = []
    for clip in _CLIPS:
        target = dest / clip.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_cached(clip), target)
        moment = clip.recorded.timestamp() + clip.seconds  # a camera closes the file at the end of the clip
        os.utime(target, (moment, moment))
        state, reason = ("quarantined", "truncated") if clip.damaged else ("published", None)
        entries.append(CardEntry(target, state, reason, clip.note))
    return entries


def _cached(clip: _Clip) -> Path:
    """The clip in the cache; encoded first if the cache has none of this recipe."""
    recipe = hashlib.sha256(f"{clip!r} {video.ffmpeg()}".encode()).hexdigest()[:16]
    path = assets.cache_root() / "card" / f"{recipe}.mp4"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            raw = Path(folder) / "raw.mp4"
            _encode(clip, raw)
            file = _rotated(raw) if clip.upright else raw
            if clip.damaged:
                os.truncate(file, int(file.stat().st_size * _DAMAGED_SHARE))
            file.replace(path)
    return path


def _encode(clip: _Clip, to: Path) -> None:
    arguments = ["-ss", str(clip.scene), "-stream_loop", "-1", *video.input_options(assets.path("bikes.mp4"))]
    if clip.speech is not None:
        arguments += ["-ss", str(clip.speech), *video.input_options(assets.path("two_cities.wav"))]
    with tempfile.TemporaryDirectory() as folder:
        graph = _picture(clip)
        if clip.stamp:
            stamp = Path(folder) / "stamp.png"
            _stamp(clip.stamp, clip.size).save(stamp)
            arguments += ["-i", f"file:{stamp}"]
            graph += f"[picture];[picture][{2 if clip.speech is not None else 1}:v]overlay=0:0"
        arguments += ["-filter_complex", f"{graph}[out]", "-map", "[out]"]
        if clip.speech is not None:
            arguments += ["-map", "1:a", "-c:a", "aac", "-b:a", "96k", "-ar", "48000"]
        when = clip.recorded.strftime("%Y-%m-%dT%H:%M:%SZ")
        arguments += [
            "-t",
            str(clip.seconds),
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "26",
            "-g",
            "50",
            "-threads",
            "1",
            "-pix_fmt",
            "yuv420p",
            "-metadata",
            f"creation_time={when}",
            "-flags",
            "+bitexact",
            "-fflags",
            "+bitexact",
            video.output_path(to),
        ]
        video.run(arguments, timeout_s=_TIMEOUT_S)


def _picture(clip: _Clip) -> str:
    """The picture's filters; a phone's picture is stored on its side."""
    filters = [f"crop={clip.crop}"] if clip.crop else []
    filters += ["hflip"] if clip.mirrored else []
    filters.append(f"scale={clip.size[0]}:{clip.size[1]}:flags=bicubic,setsar=1,fps=25")
    filters += ["transpose=cclock"] if clip.upright else []
    return f"[0:v]{','.join(filters)}"


def _rotated(path: Path) -> Path:
    """A copy of the file whose metadata rotates the picture clockwise."""
    rotated = path.with_name("rotated.mp4")
    video.run(
        [
            "-display_rotation",
            "-90",
            *video.input_options(path),
            "-c",
            "copy",
            "-map_metadata",
            "0",
            "-flags",
            "+bitexact",
            "-fflags",
            "+bitexact",
            video.output_path(rotated),
        ],
        timeout_s=_TIMEOUT_S,
    )
    return rotated


def _stamp(text: str, size: tuple[int, int]) -> Image.Image:
    """The line of text that dash cams burn into the lower edge of the picture."""
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    pen.rectangle((0, size[1] - 44, size[0], size[1]), fill=(0, 0, 0, 200))
    pen.text((20, size[1] - 39), text, font=ImageFont.load_default(30), fill=(255, 255, 255, 255))
    return layer
