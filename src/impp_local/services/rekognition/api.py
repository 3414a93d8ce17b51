"""Rekognition Image on local models: DetectLabels, DetectModerationLabels, DetectText, DetectFaces.

Requests, answers, limits and errors are AWS's; what is seen is what small models see: 80 kinds of objects instead of
thousands, nudity instead of the whole moderation taxonomy, faces with five landmarks and without age or mood. A field
that the models cannot fill honestly is left out of the answer, as the API's shapes allow. Confidences are the models'
own, brought to Rekognition's scale as `_confidence` says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import cv2

from impp_engines import faces, images, labels, moderation, text
from impp_engines.images import Image8
from impp_local.kernel import billing
from impp_local.kernel.contract import AwsError, Cloud, Request, Service
from impp_local.services.rekognition.labels import LABELS, LabelInfo
from impp_local.services.s3 import objects

MAX_BYTES = 5 * 1024 * 1024
MAX_S3_BYTES = 15 * 1024 * 1024
"""https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""

_MIN_SIDE = {"DetectLabels": 50, "DetectModerationLabels": 50, "DetectText": 50, "DetectFaces": 80}
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

_AT_ONCE = 2


class Rekognition(Service):
    """The four calls on still images; everything else of Rekognition goes to moto."""

    name = "rekognition"

    def __init__(self) -> None:
        # Whatever looks at pictures does so on these threads: large buffers that come and go on many threads would
        # leave each with a heap of its own, which the allocator does not give back (2 GB after 24 calls on 8 threads).
        self._eyes = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rekognition")

    def detect_labels(self, request: Request) -> dict[str, Any]:
        """Objects with their boxes, and what kind of things they are."""
        features = request.params.get("Features") or ["GENERAL_LABELS"]
        if set(features) != {"GENERAL_LABELS"}:
            raise _invalid("The local cloud offers the feature GENERAL_LABELS only")
        least = _least(request)
        most = request.params.get("MaxLabels")
        floor = max(_LOWEST_SCORE, _score(least))
        detected = self._look(request, lambda image: _labels(labels.detect(image, floor), image))
        confident = [label for label in detected if label["Confidence"] >= least]
        answer = _filtered(confident, (request.params.get("Settings") or {}).get("GeneralLabels") or {})
        _meter(request)
        return {"Labels": answer[:most] if most else answer, "LabelModelVersion": "local-nanodet-coco80"}

    def detect_moderation_labels(self, request: Request) -> dict[str, Any]:
        """`Explicit` of the taxonomy's first level, when the image shows nudity; the model tells no more than that."""
        confidence = 100.0 * self._look(request, moderation.nudity)
        label = {"Name": "Explicit", "ParentName": "", "TaxonomyLevel": 1, "Confidence": round(confidence, 4)}
        _meter(request)
        return {
            "ModerationLabels": [label] if confidence >= _least(request) else [],
            "ModerationModelVersion": "local-open-nsfw",
            "ContentTypes": [],
        }

    def detect_text(self, request: Request) -> dict[str, Any]:
        """Lines of text and their words."""
        filters = request.params.get("Filters") or {}
        found = self._look(request, lambda image: _text_detections(text.read(image), image, filters))
        _meter(request)
        return {"TextDetections": found, "TextModelVersion": "local-pp-ocrv6"}

    def detect_faces(self, request: Request) -> dict[str, Any]:
        """Faces with box, five landmarks, roll and quality; attributes that no model here can tell are left out."""
        unknown = set(request.params.get("Attributes") or ()) - _FACE_ATTRIBUTES
        if unknown:
            raise _invalid(f"Request has invalid Attributes: {', '.join(sorted(unknown))}")
        details = self._look(request, lambda image: [_face(face, image) for face in faces.detect(image)])
        _meter(request)
        return {"FaceDetails": details}

    def close(self) -> None:
        """End the threads."""
        self._eyes.shutdown(wait=False, cancel_futures=True)

    def _look(self, request: Request, see: Callable[[Image8], T]) -> T:
        """What `see` makes of the request's image; raises what a bad image deserves."""
        return self._eyes.submit(lambda: see(_image(request))).result()


def create(cloud: Cloud) -> Service:  # noqa: ARG001
    """The service; it needs nothing of the cloud but its objects."""
    return Rekognition()


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _image(request: Request) -> Image8:
    """The image of a request, decoded. Raises the errors that Rekognition gives for a bad one."""
    given = request.params["Image"]
    if ("Bytes" in given) == ("S3Object" in given):
        raise _invalid("Request has invalid parameters")
    data = given["Bytes"] if "Bytes" in given else _stored(given["S3Object"])
    if "Bytes" in given and len(data) > MAX_BYTES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'image.bytes' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BYTES}",
        )
    try:
        image = images.decode(data)
    except images.ImageError:
        raise AwsError("InvalidImageFormatException", "Request has invalid image format") from None
    side = _MIN_SIDE[request.operation]
    if min(image.shape[:2]) < side:
        raise _invalid(f"Request has an image of {image.shape[1]}x{image.shape[0]} pixels; the least is {side}")
    return image


def _stored(given: Shape) -> bytes:
    try:
        found = objects.find(given.get("Bucket", ""), given.get("Name", ""), given.get("Version"))
    except AwsError:
        raise AwsError(
            "InvalidS3ObjectException",
            "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
        ) from None
    if found.size > MAX_S3_BYTES:
        raise AwsError("ImageTooLargeException", f"Image size is too large: {found.size} > {MAX_S3_BYTES}")
    return b"".join(found.read())


def _meter(request: Request) -> None:
    """One image for this API, charged to the asset that the object's key names."""
    key = (request.params["Image"].get("S3Object") or {}).get("Name")
    billing.meter("rekognition", "image_api", 1, detail=key)


def _least(request: Request) -> float:
    given = request.params.get("MinConfidence")
    return _DEFAULT_CONFIDENCE[request.operation] if given is None else float(given)


_HALF_SURE = 0.40
_POWER = math.log(0.45) / math.log(1 - _HALF_SURE)


def _confidence(score: float) -> float:
    """Percent for a NanoDet score, rising with it: 0.40, from where on its findings are mostly right, becomes 55,
    Rekognition's own default threshold; 0.54 becomes 70 and 0.8 becomes 92."""
    return round(100 * (1 - math.pow(1 - min(score, 1.0), _POWER)), 4)


def _score(confidence: float) -> float:
    """The inverse of `_confidence`."""
    return 1.0 - float(math.pow(1 - min(confidence, 100) / 100, 1 / _POWER))


def _box(left: float, top: float, right: float, bottom: float, image: Image8) -> dict[str, float]:
    """A box in shares of the image, kept inside of it."""
    height, width = image.shape[:2]
    left, right = (min(max(x / width, 0.0), 1.0) for x in (left, right))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (top, bottom))
    return {"Width": right - left, "Height": bottom - top, "Left": left, "Top": top}


def _labels(found: list[labels.Detection], image: Image8) -> list[dict[str, Any]]:
    """A label for each kind of object with its instances, and one without instances for each parent."""
    labels: dict[str, dict[str, Any]] = {}
    for thing in found:
        info = LABELS[thing.name]
        confidence = _confidence(thing.score)
        label = labels.setdefault(info.name, _label(info, confidence))
        box = _box(thing.left, thing.top, thing.right, thing.bottom, image)
        label["Instances"].append({"BoundingBox": box, "Confidence": confidence})
        for index, parent in enumerate(info.parents):
            labels.setdefault(parent, _label(LabelInfo(parent, info.category, info.parents[:index]), confidence))
    return sorted(labels.values(), key=lambda label: -label["Confidence"])


def _label(info: LabelInfo, confidence: float) -> dict[str, Any]:
    return {
        "Name": info.name,
        "Confidence": confidence,
        "Instances": [],
        "Parents": [{"Name": name} for name in info.parents],
        "Aliases": [{"Name": name} for name in info.aliases],
        "Categories": [{"Name": info.category}],
    }


def _filtered(labels: list[dict[str, Any]], settings: Shape) -> list[dict[str, Any]]:
    """Inclusion and exclusion by label and by category, exclusion being the stronger."""
    names, categories = (
        (set(settings.get(f"{kind}InclusionFilters") or ()), set(settings.get(f"{kind}ExclusionFilters") or ()))
        for kind in ("Label", "LabelCategory")
    )
    wanted, wanted_categories = names[0], categories[0]

    def keep(label: dict[str, Any]) -> bool:
        category = {entry["Name"] for entry in label["Categories"]}
        if label["Name"] in names[1] or category & categories[1]:
            return False
        everything = not wanted and not wanted_categories
        return everything or label["Name"] in wanted or bool(category & wanted_categories)

    return [label for label in labels if keep(label)]


def _text_detections(lines: list[text.Line], image: Image8, filters: Shape) -> list[dict[str, Any]]:
    """Lines, then words, numbered as Rekognition does: a word names its line as parent. A line whose words are all
    filtered out goes with them."""
    kept = [(line, [word for word in line.words if _passes(word, image, filters)]) for line in lines]
    kept = [(line, words) for line, words in kept if words]
    detections = [_text_detection("LINE", i, None, line, image) for i, (line, _) in enumerate(kept)]
    for parent, (_, words) in enumerate(kept):
        detections += [_text_detection("WORD", len(detections) + i, parent, w, image) for i, w in enumerate(words)]
    return detections


def _passes(word: text.Word, image: Image8, filters: Shape) -> bool:
    asked = filters.get("WordFilter") or {}
    box = _quad_box(word.quad, image)
    if 100 * word.score < asked.get("MinConfidence", _DEFAULT_WORD_CONFIDENCE):
        return False
    if box["Height"] < asked.get("MinBoundingBoxHeight", 0) or box["Width"] < asked.get("MinBoundingBoxWidth", 0):
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
    kind: str, number: int, parent: int | None, found: text.Line | text.Word, image: Image8
) -> dict[str, Any]:
    height, width = image.shape[:2]
    detection: dict[str, Any] = {
        "DetectedText": found.text,
        "Type": kind,
        "Id": number,
        "Confidence": round(100 * found.score, 4),
        "Geometry": {
            "BoundingBox": _quad_box(found.quad, image),
            "Polygon": [{"X": x / width, "Y": y / height} for x, y in found.quad],
        },
    }
    if parent is not None:
        detection["ParentId"] = parent
    return detection


def _face(face: faces.Face, image: Image8) -> dict[str, Any]:
    height, width = image.shape[:2]
    named = dict(zip(faces.LANDMARKS, face.points, strict=True))
    (left_x, left_y), (right_x, right_y) = named["eyeLeft"], named["eyeRight"]
    return {
        "BoundingBox": _box(face.left, face.top, face.right, face.bottom, image),
        "Landmarks": [{"Type": name, "X": x / width, "Y": y / height} for name, (x, y) in named.items()],
        "Pose": {"Roll": math.degrees(math.atan2(right_y - left_y, right_x - left_x))},
        "Quality": _quality(face, image),
        "Confidence": round(100 * face.score, 4),
    }


def _quality(face: faces.Face, image: Image8) -> dict[str, float]:
    """Brightness: mean luma in percent. Sharpness: 0..100, from the variance of the Laplacian, 63 at a variance of
    200 (a face in focus has some hundreds, a blurred one some tens). Measures of our own on Rekognition's scales."""
    height, width = image.shape[:2]
    left, right = (int(min(max(x, 0), width)) for x in (face.left, face.right))
    top, bottom = (int(min(max(y, 0), height)) for y in (face.top, face.bottom))
    part = image[top:bottom, left:right]
    if not part.size:
        return {"Brightness": 0.0, "Sharpness": 0.0}
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    variance = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    return {"Brightness": 100 * float(grey.mean()) / 255, "Sharpness": 100 * (1 - math.exp(-variance / 200))}
