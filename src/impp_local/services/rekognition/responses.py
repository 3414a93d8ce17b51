"""What the small models see, in the shapes of Rekognition's responses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impp_engines import faces, taxonomy, text
from impp_engines.images import Image8

DEFAULT_WORD_CONFIDENCE = 80.0

Shape = Mapping[str, Any]


def _box(left: float, top: float, right: float, bottom: float, image: Image8) -> dict[str, float]:
    """A box as fractions of the image, clipped to it."""
    height, width = image.shape[:2]
    left, right = (min(max(x / width, 0.0), 1.0) for x in (left, right))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (top, bottom))
    return {"Width": right - left, "Height": bottom - top, "Left": left, "Top": top}


def label(seen: taxonomy.Label, image: Image8) -> dict[str, Any]:
    return {
        "Name": seen.info.name,
        "Confidence": seen.confidence,
        "Instances": [
            {
                "BoundingBox": _box(instance.left, instance.top, instance.right, instance.bottom, image),
                "Confidence": taxonomy.confidence(instance.score),
            }
            for instance in seen.instances
        ],
        "Parents": [{"Name": name} for name in seen.info.parents],
        "Aliases": [{"Name": name} for name in seen.info.aliases],
        "Categories": [{"Name": seen.info.category}],
    }


def filtered(labels: list[dict[str, Any]], settings: Shape) -> list[dict[str, Any]]:
    """Inclusion and exclusion by label and by category; exclusion wins."""

    def listed(label: dict[str, Any], kind: str) -> bool:
        names = settings.get(f"Label{kind}Filters") or ()
        categories = settings.get(f"LabelCategory{kind}Filters") or ()
        return label["Name"] in names or any(entry["Name"] in categories for entry in label["Categories"])

    includes = settings.get("LabelInclusionFilters") or settings.get("LabelCategoryInclusionFilters")

    def keep(label: dict[str, Any]) -> bool:
        return not listed(label, "Exclusion") and (not includes or listed(label, "Inclusion"))

    return [label for label in labels if keep(label)]


def text_detections(lines: list[text.Line], image: Image8, filters: Shape) -> list[dict[str, Any]]:
    """Lines, then words, numbered as Rekognition does: a word names its line as parent. A line without words that pass
    the filters is dropped."""
    kept = [(line, [word for word in line.words if _passes(word, image, filters)]) for line in lines]
    kept = [(line, words) for line, words in kept if words]
    detections = [_text_detection("LINE", i, None, line, image) for i, (line, _) in enumerate(kept)]
    for parent, (_, words) in enumerate(kept):
        detections += [_text_detection("WORD", len(detections) + i, parent, w, image) for i, w in enumerate(words)]
    return detections


def _passes(word: text.Word, image: Image8, filters: Shape) -> bool:
    minimum = filters.get("WordFilter") or {}
    box = _quad_box(word.quad, image)
    if 100 * word.score < minimum.get("MinConfidence", DEFAULT_WORD_CONFIDENCE):
        return False
    if box["Height"] < minimum.get("MinBoundingBoxHeight", 0) or box["Width"] < minimum.get("MinBoundingBoxWidth", 0):
        return False
    x, y = box["Left"] + box["Width"] / 2, box["Top"] + box["Height"] / 2
    regions = [_region(region) for region in filters.get("RegionsOfInterest") or ()]
    return not regions or any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in regions)


def _region(region: Shape) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a region of interest; of a polygon, the box around it."""
    if box := region.get("BoundingBox"):
        return box["Left"], box["Top"], box["Left"] + box["Width"], box["Top"] + box["Height"]
    xs, ys = [p["X"] for p in region["Polygon"]], [p["Y"] for p in region["Polygon"]]
    return min(xs), min(ys), max(xs), max(ys)


def _quad_box(quad: text.Quad, image: Image8) -> dict[str, float]:
    xs, ys = [p[0] for p in quad], [p[1] for p in quad]
    return _box(min(xs), min(ys), max(xs), max(ys), image)


def _text_detection(
    kind: str, number: int, parent: int | None, part: text.Line | text.Word, image: Image8
) -> dict[str, Any]:
    height, width = image.shape[:2]
    detection: dict[str, Any] = {
        "DetectedText": part.text,
        "Type": kind,
        "Id": number,
        "Confidence": round(100 * part.score, 4),
        "Geometry": {
            "BoundingBox": _quad_box(part.quad, image),
            "Polygon": [{"X": x / width, "Y": y / height} for x, y in part.quad],
        },
    }
    if parent is not None:
        detection["ParentId"] = parent
    return detection


def face(seen: faces.Face, image: Image8) -> dict[str, Any]:
    height, width = image.shape[:2]
    landmarks = dict(zip(faces.LANDMARKS, seen.points, strict=True))
    (left_x, left_y), (right_x, right_y) = landmarks["eyeLeft"], landmarks["eyeRight"]
    return {
        "BoundingBox": _box(seen.left, seen.top, seen.right, seen.bottom, image),
        "Landmarks": [{"Type": name, "X": x / width, "Y": y / height} for name, (x, y) in landmarks.items()],
        "Pose": {"Roll": math.degrees(math.atan2(right_y - left_y, right_x - left_x))},
        "Quality": _quality(seen, image),
        "Confidence": round(100 * seen.score, 4),
    }


def _quality(face: faces.Face, image: Image8) -> dict[str, float]:
    """Our own measures on Rekognition's scales. Brightness is mean luma in percent; sharpness is 0..100 from the
    variance of the Laplacian, 63 at a variance of 200 (several hundred for a face in focus, tens for a blurred one)."""
    height, width = image.shape[:2]
    left, right = (int(min(max(x, 0), width)) for x in (face.left, face.right))
    top, bottom = (int(min(max(y, 0), height)) for y in (face.top, face.bottom))
    part = image[top:bottom, left:right]
    if not part.size:
        return {"Brightness": 0.0, "Sharpness": 0.0}
    luma = part @ _LUMA
    return {"Brightness": 100 * float(luma.mean()) / 255, "Sharpness": 100 * (1 - math.exp(-_edges(luma) / 200))}


_LUMA = np.array([0.114, 0.587, 0.299], np.float32)
"""Shares of blue, green and red in luma (ITU-R BT.601)."""


def _edges(luma: NDArray[np.float32]) -> float:
    """The variance of the Laplacian."""
    if min(luma.shape) < 3:
        return 0.0
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((around - 4 * luma[1:-1, 1:-1]).var())
