"""Looks at one picture with several small models and answers in the form of the pipeline's findings.

The findings are those of `impp_lambdas.core.detect.readers`, which reads them from a service's responses: names are
Rekognition's, confidences in percent, boxes `[left, top, width, height]` in shares of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PIL import Image

from impp_engines import faces, labels, moderation, taxonomy, text
from impp_engines.images import Image8
from impp_engines.pictures import Picture

Finding = dict[str, Any]

LOWEST = {"labels": 60.0, "moderation": 60.0, "text": 80.0, "faces": 50.0}
"""Lowest confidence of a finding in percent, by detector: for the first three what the pipeline asks Rekognition for,
for faces what the model's authors use."""


def look(
    image: Image8 | Image.Image, names: Iterable[str], lowest: Mapping[str, float] = LOWEST
) -> dict[str, list[Finding]]:
    """The findings of each named detector (`labels`, `text`, `faces`, `moderation`) in an image.

    `image` is of any size: a Pillow image, or height x width x 3, 8 bit, BGR (PyAV's `bgr24`). Raises `KeyError` for
    another name, and what `weights.path` raises if a model is missing. The first call per model takes longer, as the
    model loads.
    """
    picture = Picture(image)
    return {name: _DETECTORS[name](picture, lowest[name]) for name in names}


def _labels(picture: Picture, lowest: float) -> list[Finding]:
    """`{name, confidence, parents, instances: [{confidence, box}]}`; parents such as `Vehicle` have no instances."""
    detections = labels.detect(picture, taxonomy.score(lowest))
    return [
        {
            "name": label.info.name,
            "confidence": round(label.confidence, 2),
            "parents": list(label.info.parents),
            "instances": [
                {
                    "confidence": round(taxonomy.confidence(instance.score), 2),
                    "box": _box(instance.left, instance.top, instance.right, instance.bottom, picture),
                }
                for instance in label.instances
            ],
        }
        for label in taxonomy.labels(detections)
    ]


def _text(picture: Picture, lowest: float) -> list[Finding]:
    """`{text, confidence, box}` per line, from top to bottom."""
    return [
        {"text": line.text, "confidence": round(100 * line.score, 2), "box": _quad_box(line.quad, picture)}
        for line in text.read(picture, lowest / 100)
    ]


def _faces(picture: Picture, lowest: float) -> list[Finding]:
    """`{confidence, box}` per face."""
    return [
        {"confidence": round(100 * face.score, 2), "box": _box(face.left, face.top, face.right, face.bottom, picture)}
        for face in faces.detect(picture, lowest / 100)
    ]


def _moderation(picture: Picture, lowest: float) -> list[Finding]:
    """`{name, parent, confidence}`; the model knows one category."""
    confidence = round(100 * moderation.nudity(picture), 2)
    return [{"name": taxonomy.UNSAFE, "parent": "", "confidence": confidence}] if confidence >= lowest else []


_DETECTORS: Mapping[str, Callable[[Picture, float], list[Finding]]] = {
    "labels": _labels,
    "text": _text,
    "faces": _faces,
    "moderation": _moderation,
}


def _box(left: float, top: float, right: float, bottom: float, picture: Picture) -> list[float]:
    """A box in pixels as shares of the image, clipped to it."""
    left, right = (min(max(x / picture.width, 0.0), 1.0) for x in (left, right))
    top, bottom = (min(max(y / picture.height, 0.0), 1.0) for y in (top, bottom))
    return [round(side, 4) for side in (left, top, right - left, bottom - top)]


def _quad_box(quad: text.Quad, picture: Picture) -> list[float]:
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    return _box(min(xs), min(ys), max(xs), max(ys), picture)
