"""Rekognition Image on local models: DetectLabels, DetectModerationLabels, DetectText, DetectFaces.

Requests, responses, limits and errors are AWS's; the findings are those of small models: 80 kinds of objects instead
of thousands, nudity instead of the whole moderation taxonomy, faces with five landmarks and without age or mood. A
field that no model here can fill is omitted from the response, as the API's shapes allow. Confidences are the models'
own, mapped to Rekognition's scale by `taxonomy.confidence`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from impp_engines import faces, images, labels, moderation, taxonomy, text
from impp_engines.images import Image8
from impp_local.kernel import billing, objects
from impp_local.kernel.contract import AwsError, Call, Cloud, Service

MAX_BYTES = 5 * 1024 * 1024
MAX_S3_BYTES = 15 * 1024 * 1024
"""https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""
_MIN_SIDE = 80
"""Pixels, by the same page, for every operation here."""
_DEFAULT_CONFIDENCE = {"DetectLabels": 55.0, "DetectModerationLabels": 50.0}
_DEFAULT_WORD_CONFIDENCE = 80.0
_FACE_ATTRIBUTES = frozenset(
    (
        "DEFAULT",
        "ALL",
        "AGE_RANGE",
        "BEARD",
        "EMOTIONS",
        "EYE_DIRECTION",
        "EYEGLASSES",
        "EYES_OPEN",
        "GENDER",
        "MOUTH_OPEN",
        "MUSTACHE",
        "FACE_OCCLUDED",
        "SMILE",
        "SUNGLASSES",
    )
)
_LOWEST_SCORE = 0.15

Shape = Mapping[str, Any]
T = TypeVar("T")

_CONCURRENCY = 2
_WAIT_S = 30.0
"""How long an image may wait for its turn. SDKs give up after 60 s (botocore's read_timeout) and send the same call
again, which would be analysed and billed twice; a throttled call is not billed."""


class Rekognition(Service):
    """The four calls on still images; everything else of Rekognition goes to moto."""

    name = "rekognition"

    def __init__(self) -> None:
        # All analysis runs on these threads: large buffers on many threads would leave each with a heap of its own,
        # which the allocator does not give back (2 GB after 24 calls on 8 threads).
        self._threads = ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="rekognition")

    def detect_labels(self, request: Call) -> dict[str, Any]:
        """Objects with their boxes, and the labels of their parents."""
        features = request.params.get("Features") or ["GENERAL_LABELS"]
        if set(features) != {"GENERAL_LABELS"}:
            raise _invalid("The local cloud supports only the feature GENERAL_LABELS")
        threshold = _min_confidence(request)
        limit = request.params.get("MaxLabels")
        floor = max(_LOWEST_SCORE, taxonomy.score(threshold))
        detected = self._analyze(
            request, lambda image: [_label(label, image) for label in taxonomy.labels(labels.detect(image, floor))]
        )
        confident = [label for label in detected if label["Confidence"] >= threshold]
        answer = _filtered(confident, (request.params.get("Settings") or {}).get("GeneralLabels") or {})
        _meter(request)
        return {"Labels": answer[:limit] if limit else answer, "LabelModelVersion": "local-nanodet-coco80"}

    def detect_moderation_labels(self, request: Call) -> dict[str, Any]:
        """`Explicit` of the taxonomy's first level when the image shows nudity; the model distinguishes no more."""
        confidence = 100.0 * self._analyze(request, moderation.nudity)
        label = {"Name": taxonomy.UNSAFE, "ParentName": "", "TaxonomyLevel": 1, "Confidence": round(confidence, 4)}
        _meter(request)
        return {
            "ModerationLabels": [label] if confidence >= _min_confidence(request) else [],
            "ModerationModelVersion": "local-open-nsfw",
            "ContentTypes": [],
        }

    def detect_text(self, request: Call) -> dict[str, Any]:
        """Lines of text and their words."""
        filters = request.params.get("Filters") or {}
        detections = self._analyze(request, lambda image: _text_detections(text.read(image), image, filters))
        _meter(request)
        return {"TextDetections": detections, "TextModelVersion": "local-pp-ocrv6"}

    def detect_faces(self, request: Call) -> dict[str, Any]:
        """Faces with box, five landmarks, roll and quality; attributes that no model here provides are omitted."""
        unknown = set(request.params.get("Attributes") or ()) - _FACE_ATTRIBUTES
        if unknown:
            raise _invalid(f"Request has invalid Attributes: {', '.join(sorted(unknown))}")
        details = self._analyze(request, lambda image: [_face(face, image) for face in faces.detect(image)])
        _meter(request)
        return {"FaceDetails": details}

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _analyze(self, request: Call, engine: Callable[[Image8], T]) -> T:
        """The engine's findings in the request's image. Raises Rekognition's error for a bad image, or a long queue."""
        deadline = time.monotonic() + _WAIT_S

        def analyze() -> T:
            if time.monotonic() > deadline:
                raise AwsError(
                    "ThrottlingException",
                    "Amazon Rekognition is temporarily unable to process the request. Try your call again.",
                )
            return engine(_image(request))

        return self._threads.submit(analyze).result()


def create(cloud: Cloud) -> Service:  # noqa: ARG001
    """The service; it uses the cloud's objects only."""
    return Rekognition()


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _image(request: Call) -> Image8:
    """The decoded image of a request. Raises Rekognition's error for a bad one."""
    source = request.params["Image"]
    if ("Bytes" in source) == ("S3Object" in source):
        raise _invalid("Request has invalid parameters")
    data = source["Bytes"] if "Bytes" in source else _stored(source["S3Object"])
    if "Bytes" in source and len(data) > MAX_BYTES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'image.bytes' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BYTES}",
        )
    try:
        image = images.decode(data)
    except images.ImageError:
        raise AwsError("InvalidImageFormatException", "Request has invalid image format") from None
    if min(image.shape[:2]) < _MIN_SIDE:
        raise _invalid(f"Request has an image of {image.shape[1]}x{image.shape[0]} pixels; the minimum is {_MIN_SIDE}")
    return image


def _stored(location: Shape) -> bytes:
    try:
        stored = objects.find(location.get("Bucket", ""), location.get("Name", ""), location.get("Version"))
    except AwsError:
        raise AwsError(
            "InvalidS3ObjectException",
            "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
        ) from None
    if stored.size > MAX_S3_BYTES:
        raise AwsError("ImageTooLargeException", f"Image size is too large: {stored.size} > {MAX_S3_BYTES}")
    return b"".join(stored.read())


def _meter(request: Call) -> None:
    """Bill one image for this API, to the asset in the object's key."""
    key = (request.params["Image"].get("S3Object") or {}).get("Name")
    billing.meter("rekognition", "image_api", 1, detail=key)


def _min_confidence(request: Call) -> float:
    threshold = request.params.get("MinConfidence")
    return _DEFAULT_CONFIDENCE[request.operation] if threshold is None else float(threshold)


def _box(left: float, top: float, right: float, bottom: float, image: Image8) -> dict[str, float]:
    """A box as fractions of the image, clipped to it."""
    height, width = image.shape[:2]
    left, right = (min(max(x / width, 0.0), 1.0) for x in (left, right))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (top, bottom))
    return {"Width": right - left, "Height": bottom - top, "Left": left, "Top": top}


def _label(label: taxonomy.Label, image: Image8) -> dict[str, Any]:
    return {
        "Name": label.info.name,
        "Confidence": label.confidence,
        "Instances": [
            {
                "BoundingBox": _box(instance.left, instance.top, instance.right, instance.bottom, image),
                "Confidence": taxonomy.confidence(instance.score),
            }
            for instance in label.instances
        ],
        "Parents": [{"Name": name} for name in label.info.parents],
        "Aliases": [{"Name": name} for name in label.info.aliases],
        "Categories": [{"Name": label.info.category}],
    }


def _filtered(labels: list[dict[str, Any]], settings: Shape) -> list[dict[str, Any]]:
    """Inclusion and exclusion by label and by category; exclusion wins."""

    def listed(label: dict[str, Any], kind: str) -> bool:
        names = settings.get(f"Label{kind}Filters") or ()
        categories = settings.get(f"LabelCategory{kind}Filters") or ()
        return label["Name"] in names or any(entry["Name"] in categories for entry in label["Categories"])

    includes = settings.get("LabelInclusionFilters") or settings.get("LabelCategoryInclusionFilters")

    def keep(label: dict[str, Any]) -> bool:
        return not listed(label, "Exclusion") and (not includes or listed(label, "Inclusion"))

    return [label for label in labels if keep(label)]


def _text_detections(lines: list[text.Line], image: Image8, filters: Shape) -> list[dict[str, Any]]:
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
    if 100 * word.score < minimum.get("MinConfidence", _DEFAULT_WORD_CONFIDENCE):
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


def _face(face: faces.Face, image: Image8) -> dict[str, Any]:
    height, width = image.shape[:2]
    landmarks = dict(zip(faces.LANDMARKS, face.points, strict=True))
    (left_x, left_y), (right_x, right_y) = landmarks["eyeLeft"], landmarks["eyeRight"]
    return {
        "BoundingBox": _box(face.left, face.top, face.right, face.bottom, image),
        "Landmarks": [{"Type": name, "X": x / width, "Y": y / height} for name, (x, y) in landmarks.items()],
        "Pose": {"Roll": math.degrees(math.atan2(right_y - left_y, right_x - left_x))},
        "Quality": _quality(face, image),
        "Confidence": round(100 * face.score, 4),
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
