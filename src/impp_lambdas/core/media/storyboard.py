"""A sprite of small pictures and the WebVTT file that players use to show them while seeking."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from impp_lambdas.core.media.pictures import encode, fit
from impp_lambdas.core.media.samples import Storyboard

TILE_LONG_SIDE = 160
TILES = 100
"""Most tiles per sprite: 10 by 10 tiles (1600 px) stay below 300 kB."""
COLUMNS = 10

Tile = tuple[float, Image.Image]
"""Time in seconds, and a picture of at most :data:`TILE_LONG_SIDE`."""


def tile(t: float, image: Image.Image) -> Tile:
    """The tile of a picture."""
    return t, image.resize(fit(*image.size, TILE_LONG_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)


def storyboard(tiles: Sequence[Tile], duration_s: float, sprite_name: str = "storyboard.jpg") -> Storyboard | None:
    """Make the storyboard of tiles in order of time, row by row; None for fewer than two. The WebVTT file refers to
    them by `#xywh=` fragments in pixels."""
    if len(tiles) < 2:
        return None
    width, height = tiles[0][1].size
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    cues = ["WEBVTT", ""]
    for i, (t, picture) in enumerate(tiles):
        x, y = i % columns * width, i // columns * height
        sheet.paste(picture if picture.size == (width, height) else picture.resize((width, height)), (x, y))
        start = 0.0 if i == 0 else t
        end = tiles[i + 1][0] if i + 1 < len(tiles) else max(duration_s, t + 0.001)
        cues += [f"{clock(start)} --> {clock(end)}", f"{sprite_name}#xywh={x},{y},{width},{height}", ""]
    return Storyboard(encode(sheet, 75), "\n".join(cues), [t for t, _ in tiles], width, height)


def cut(sprite: bytes, times: Sequence[float], size: tuple[int, int]) -> list[Tile]:
    """The tiles of a sprite, of which `size` is that of one."""
    width, height = size
    with Image.open(io.BytesIO(sprite), formats=("JPEG",)) as sheet:
        columns = max(1, sheet.width // width)
        return [
            (
                t,
                sheet.crop(
                    (i % columns * width, i // columns * height, (i % columns + 1) * width, (i // columns + 1) * height)
                ),
            )
            for i, t in enumerate(times)
        ]


def clock(seconds: float) -> str:
    """A WebVTT timestamp, `hh:mm:ss.mmm`."""
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
