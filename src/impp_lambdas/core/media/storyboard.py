"""A sprite of small pictures and the WebVTT file that players use to show them while seeking."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from impp_lambdas.core.media.pictures import Shot, encode, fit

TILE_LONG_SIDE = 160
TILES = 100
"""Most tiles per sprite: 10 by 10 tiles (1600 px) stay below 300 kB."""
COLUMNS = 10


@dataclass(frozen=True)
class Storyboard:
    """`sprite` is a JPEG of equal tiles, row by row; `vtt` refers to them by `#xywh=` fragments in pixels."""

    sprite: bytes
    vtt: str


def storyboard(shots: Sequence[Shot], duration_s: float, sprite_name: str = "storyboard.jpg") -> Storyboard | None:
    """Make the storyboard of shots in order of time; None for fewer than two shots."""
    if len(shots) < 2:
        return None
    width, height = fit(shots[0].width, shots[0].height, TILE_LONG_SIDE)
    columns = min(COLUMNS, len(shots))
    rows = -(-len(shots) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    cues = ["WEBVTT", ""]
    for i, shot in enumerate(shots):
        x, y = i % columns * width, i // columns * height
        with Image.open(io.BytesIO(shot.jpeg)) as picture:
            picture.draft("RGB", (2 * width, 2 * height))
            sheet.paste(picture.resize((width, height), Image.Resampling.BILINEAR), (x, y))
        start = 0.0 if i == 0 else shot.t
        end = shots[i + 1].t if i + 1 < len(shots) else max(duration_s, shot.t + 0.001)
        cues += [f"{clock(start)} --> {clock(end)}", f"{sprite_name}#xywh={x},{y},{width},{height}", ""]
    return Storyboard(encode(sheet, 75), "\n".join(cues))


def clock(seconds: float) -> str:
    """A WebVTT timestamp, `hh:mm:ss.mmm`."""
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
