"""Clips, posters and storyboards for the synthetic archive, cut from the sample footage."""

from __future__ import annotations

import io
from pathlib import Path

import av
from PIL import Image, ImageEnhance
from tests.support.gallery.archive import CLIP_S, MEDIA_SETS
from tests.support.media_clips import ffmpeg, street

from impp_engines import assets
from impp_lambdas.core.media.pictures import encode, thumbnail
from impp_lambdas.core.media.storyboard import storyboard, tile
from impp_local.engines import video


def make(folder: Path) -> Path:
    """Files `<set>/<name>` that the assets share, and `0/audio.m4a`; made once per folder."""
    done = folder / "with-webp-thumbnails"
    if done.exists():
        return folder
    pictures = _pictures()
    for number in range(MEDIA_SETS):
        target = folder / str(number)
        target.mkdir(parents=True, exist_ok=True)
        # Another hue for each set, and each begins elsewhere in the scene.
        turned = pictures[number * 2 :] + pictures[: number * 2]
        tinted = [ImageEnhance.Color(picture).enhance(0.35 + 0.3 * number) for picture in turned]
        poster = encode(tinted[1])
        (target / "poster.jpg").write_bytes(poster)
        (target / "thumbnail.webp").write_bytes(thumbnail(poster))
        step = CLIP_S / len(tinted)
        board = storyboard([tile(at * step, picture) for at, picture in enumerate(tinted)], CLIP_S)
        assert board
        (target / "storyboard.jpg").write_bytes(board.sprite)
        (target / "storyboard.vtt").write_text(board.vtt, "utf-8")
        hue = ("-vf", f"scale=640:360,setsar=1,hue=s={0.35 + 0.3 * number}", "-g", "15", "-movflags", "+faststart")
        street(target / "proxy.mp4", CLIP_S, extra=hue)
    sound = ["-t", str(CLIP_S), *video.input_options(assets.path("two_cities.wav"))]
    ffmpeg(*sound, "-c:a", "aac", to=folder / "0" / "audio.m4a")
    done.touch()
    return folder


def _pictures() -> list[Image.Image]:
    """A picture of each second of the street scene, in 16:9."""
    pictures: list[Image.Image] = []
    with av.open(str(assets.path("bikes.mp4"))) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= len(pictures):
                image = frame.to_image()
                width = image.height * 16 // 9
                left = (image.width - width) // 2
                pictures.append(image.crop((left, 0, left + width, image.height)))
    return [Image.open(io.BytesIO(encode(picture, 90))) for picture in pictures]
