"""A folder of many small files as people have them: clips, photos, sound, junk, empty files, links, copies, odd names.

python -m tests.support.mixed_card FOLDER --count 300
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

ODD_NAMES = (
    b"caf\xe9_%03d.mp4", b"\xff\xfe_%03d.jpg", "büro 映像_%03d.mp4".encode(), b"two\nlines_%03d.mp4", b"tab\t_%03d.m4a",
    b"\x1b[31mred_%03d.mp4", "\u202egpj_%03d.mp4".encode(), b"-rf_%03d.mp4", b"quote'\"_%03d.mp4", b"%%41_%03d.mp4",
    b"<b>_%03d.jpg", b"$HOME `id`_%03d.mp4",
)  # fmt: skip


def make_mixed_card(folder: Path, count: int, seed: int = 1, *, clips_only: bool = False) -> None:
    """Write `count` files below `folder`; the same ones for the same seed. `clips_only`: nothing but valid footage."""
    chance = random.Random(seed)  # not for secrets
    with tempfile.TemporaryDirectory() as scratch:
        clips, sounds, photos = _originals(Path(scratch))
        kinds = [*["clip"] * 5, "photo", *["photo"] * 2, "sound"]
        if not clips_only:
            kinds += ["odd", "odd", "cut", "text", "empty", "link", "copy", "broken"]
        for number in range(count):
            below = folder / ("DCIM" if number % 3 else "BlackVue/Record")
            below.mkdir(parents=True, exist_ok=True)
            unique = number.to_bytes(4, "big") + chance.randbytes(60)
            match kinds[number % len(kinds)]:
                case "clip":
                    (below / f"clip_{number:04}.mp4").write_bytes(_with_box(chance.choice(clips), unique))
                case "photo":
                    (below / f"IMG_{number:04}.jpg").write_bytes(chance.choice(photos) + unique)
                case "sound":
                    (below / f"memo_{number:04}.m4a").write_bytes(_with_box(chance.choice(sounds), unique))
                case "odd":
                    name = ODD_NAMES[number % len(ODD_NAMES)] % number
                    content = chance.choice(photos) + unique if b".jpg" in name else _with_box(clips[0], unique)
                    (below / os.fsdecode(name)).write_bytes(content)
                case "cut":
                    (below / f"cut_{number:04}.mp4").write_bytes(chance.choice(clips)[: -2000 - number])
                case "broken":
                    (below / f"broken_{number:04}.mp4").write_bytes(chance.choice(clips)[:64] + chance.randbytes(5000))
                case "text":
                    (below / f"notes_{number:04}.txt").write_text(f"Dear diary {number}\n")
                case "empty":
                    (below / f"empty_{number:04}.mp4").touch()
                case "link":
                    (below / f"link_{number:04}.mp4").symlink_to("clip_0000.mp4")
                case "copy":
                    before = sorted(path for path in below.glob("clip_*.mp4") if path.is_file())
                    shutil.copyfile(before[0], below / f"copy_{number:04}.mp4")


def _with_box(content: bytes, unique: bytes) -> bytes:
    """An MP4 file with other bytes and the same media: a `free` box is appended."""
    return content + (8 + len(unique)).to_bytes(4, "big") + b"free" + unique


def _originals(scratch: Path) -> tuple[list[bytes], list[bytes], list[bytes]]:
    numbers: Iterator[int] = iter(range(100))

    def made(ending: str, *arguments: str) -> bytes:
        path = scratch / f"{next(numbers)}.{ending}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *arguments, str(path)]
        subprocess.run(command, check=True)
        return path.read_bytes()

    def pictures(size: str, seconds: float) -> tuple[str, ...]:
        return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration={seconds}")

    make: Callable[..., bytes] = made
    h264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
    tone = ("-f", "lavfi", "-i", "sine=frequency=440", "-c:a", "aac", "-shortest")
    clips = [
        make("mp4", *pictures("320x180", 1), *h264),
        make("mp4", *pictures("320x180", 2), *tone, *h264),
        make("mp4", *pictures("180x320", 1), *h264),
    ]
    sounds = [make("m4a", "-f", "lavfi", "-i", "sine=frequency=330:duration=2", "-c:a", "aac")]
    photos = [make("jpg", *pictures("320x240", 1), "-frames:v", "1")]
    return clips, sounds, photos


def main() -> None:
    """Write a card from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clips-only", action="store_true")
    arguments = parser.parse_args()
    make_mixed_card(arguments.folder, arguments.count, arguments.seed, clips_only=arguments.clips_only)


if __name__ == "__main__":
    main()
