"""Real and generated media for the tests of the media services, and the check of responses against AWS's models."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import botocore.session
import numpy as np
from botocore.model import Shape
from botocore.validate import ParamValidator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from impp_engines import assets
from impp_local.engines import video

SCENES = {"traffic": 2.0, "cyclist": 5.0, "parked": 9.0}
"""Seconds in bikes.mp4: cars in a queue, a cyclist beside a motorcycle, a bicycle at a wall."""

SPOKEN = (
    "It was the best of times. It was the worst of times. It was the age of wisdom. It was the age of foolishness. "
    "It was the epoch of belief. It was the epoch of incredulity. It was the season of light. It was the season of "
    "darkness. It was the spring of hope. It was the winter of despair. We had everything before us. We had nothing "
    "before us. We were all going direct to heaven. We were all going direct the other way. In short, the period was "
    "so far like the present period that some of its noisiest authorities insisted on its being received, for good or "
    "for evil, in the superlative degree of comparison only."
)
"""The words of two_cities.wav: the beginning of Dickens' novel."""


@lru_cache(maxsize=8)
def frame(seconds: float) -> NDArray[np.uint8]:
    """A frame of the street scene, BGR."""
    with av.open(str(assets.path("bikes.mp4"))) as container:
        for picture in container.decode(video=0):
            if picture.time >= seconds:
                return picture.to_ndarray(format="bgr24")
    raise AssertionError(seconds)


def jpeg(image: NDArray[np.uint8], quality: int = 95) -> bytes:
    """The image as a JPEG file."""
    file = BytesIO()
    Image.fromarray(image[:, :, ::-1]).save(file, "JPEG", quality=quality)
    return file.getvalue()


def resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The image, scaled with cubic interpolation."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def sign(*lines: str) -> NDArray[np.uint8]:
    """A white board with lines of text."""
    board = Image.new("RGB", (960, 540), (245, 245, 245))
    pen, font = ImageDraw.Draw(board), ImageFont.load_default(64)
    for index, line in enumerate(lines):
        pen.text((60, 100 + 150 * index), line, (20, 20, 20), font)
    return np.asarray(board)


def ffmpeg(*arguments: str, to: Path) -> Path:
    """Create a file with ffmpeg, in one thread: libvpx's wait for each other by spinning."""
    video.run([*arguments, "-threads", "1", video.output_path(to)], timeout_s=120)
    return to


def street(
    to: Path, seconds: float = 3.0, *, sound: bool = True, size: str = "640:272", extra: tuple[str, ...] = ()
) -> Path:
    """The street scene, by default with the speech recording as its sound."""
    arguments = ["-t", str(seconds), *video.input_options(assets.path("bikes.mp4"))]
    if sound:
        arguments += ["-t", str(seconds), *video.input_options(assets.path("two_cities.wav"))]
        arguments += ["-map", "0:v", "-map", "1:a"]
    arguments += ["-vf", f"scale={size},setsar=1", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", *extra]
    return ffmpeg(*arguments, to=to)


def words(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def word_error_rate(expected: list[str], actual: list[str]) -> float:
    """Edits from `expected` to `actual`, by the length of `expected`."""
    row = list(range(len(actual) + 1))
    for i, word in enumerate(expected, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(actual, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1] / len(expected)


class _ResponseValidator(ParamValidator):
    """botocore's validator, which also accepts the metadata of a parsed response."""

    def _validate_structure(self, params: Any, shape: Any, errors: Any, name: str) -> None:
        members = {key: value for key, value in params.items() if key != "ResponseMetadata"}
        unknown = set(members) - set(shape.members)
        assert not unknown, f"{name} has {unknown}, which the model does not have"
        super()._validate_structure(members, shape, errors, name)  # type: ignore[misc]


def check_shape(service: str, operation: str, response: dict[str, Any]) -> None:
    """Fail unless the response fits the operation's output in botocore's model: names, types, ranges, enumerations."""
    shape = _output_shape(service, operation)
    report = _ResponseValidator().validate(response, shape)
    assert not report.has_errors(), report.generate_report()
    _check_enums(response, shape, operation)


@cache
def _output_shape(service: str, operation: str) -> Shape:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).output_shape


def _check_enums(value: Any, shape: Shape, where: str) -> None:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                _check_enums(value[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        for item in value:
            _check_enums(item, shape.member, where)
    elif getattr(shape, "enum", None):
        assert value in shape.enum, f"{where}: {value} is not one of {shape.enum}"
