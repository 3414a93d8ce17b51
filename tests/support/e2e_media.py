"""Small files as made by people and cameras, and broken ones: each is written by ffmpeg or byte by byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

_TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")


def make_all(folder: Path) -> dict[str, Path]:
    """Every file of the bad-input list, by the name that the tests use."""
    makers = {
        "empty": lambda path: path.write_bytes(b""),
        "text": lambda path: path.write_text("this is a letter, not a film\n" * 200),
        "odd": lambda path: _ffmpeg(path, _scene("321x243"), codec=("-c:v", "libx264", "-pix_fmt", "yuv444p")),
        "vfr": lambda path: _ffmpeg(
            path, _scene("640x360", seconds=3), codec=(*_VFR, "-c:v", "libx264", "-pix_fmt", "yuv420p")
        ),
        "sound": lambda path: _ffmpeg(path, (), codec=("-c:a", "aac")),
        "wrong-checksum": lambda path: _ffmpeg(path, _scene("320x240", colour=3)),
        "many-tags": lambda path: _ffmpeg(path, _scene("320x240", colour=4)),
        "twice": lambda path: _ffmpeg(path, _scene("320x240", colour=5)),
    }
    paths = {}
    for name, make in makers.items():
        paths[name] = folder / f"{name}.{'m4a' if name == 'sound' else 'mp4'}"
        make(paths[name])
    return paths


_VFR = ("-vf", "select='not(mod(n,3))+lt(mod(n,7),2)'", "-fps_mode", "vfr")
_H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")


def _scene(size: str, seconds: int = 2, colour: int = 0) -> tuple[str, ...]:
    """A moving test picture; `colour` makes its content another one."""
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds},hue=h={colour * 40}")


def _ffmpeg(path: Path, scene: tuple[str, ...], codec: tuple[str, ...] = _H264) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *scene, *_TONE, *codec, "-shortest"]
    subprocess.run([*command, str(path)], check=True, capture_output=True)
