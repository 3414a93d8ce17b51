"""Rekognition on local models: DetectLabels, DetectModerationLabels, DetectText, DetectFaces, and jobs (`video`).

Requests, responses, limits and errors are AWS's; the findings are those of small models: 80 kinds of objects instead
of thousands, nudity instead of the whole moderation taxonomy, faces with five landmarks and without age or mood. A
field that no model here can fill is omitted from the response, as the API's shapes allow. Confidences are the models'
own, mapped to Rekognition's scale by `taxonomy.confidence`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from impp_engines import faces, images, labels, moderation, taxonomy, text
from impp_engines.images import Image8
from impp_local.kernel import billing, objects
from impp_local.kernel.contract import AwsError, Call, Cloud, Service
from impp_local.services.rekognition import responses
from impp_local.services.rekognition.video import Videos

MAX_BYTES = 5 * 1024 * 1024
MAX_S3_BYTES = 15 * 1024 * 1024
"""https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""
_MIN_SIDE = 80
"""Pixels, by the same page, for every operation here."""
_DEFAULT_CONFIDENCE = {"DetectLabels": 55.0, "DetectModerationLabels": 50.0}
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

T = TypeVar("T")

_CONCURRENCY = 2
_WAIT_S = 30.0
"""How long an image may wait for its turn. SDKs give up after 60 s (botocore's read_timeout) and send the same call
again, which would be analysed and billed twice; a throttled call is not billed."""


class Rekognition(Service):
    """Four calls on still images and four on stored videos; everything else of Rekognition goes to moto."""

    name = "rekognition"

    def __init__(self, cloud: Cloud) -> None:
        self._videos = Videos(cloud)
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
            request,
            lambda image: [responses.label(seen, image) for seen in taxonomy.labels(labels.detect(image, floor))],
        )
        confident = [label for label in detected if label["Confidence"] >= threshold]
        answer = responses.filtered(confident, (request.params.get("Settings") or {}).get("GeneralLabels") or {})
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
        detections = self._analyze(request, lambda image: responses.text_detections(text.read(image), image, filters))
        _meter(request)
        return {"TextDetections": detections, "TextModelVersion": "local-pp-ocrv6"}

    def detect_faces(self, request: Call) -> dict[str, Any]:
        """Faces with box, five landmarks, roll and quality; attributes that no model here provides are omitted."""
        unknown = set(request.params.get("Attributes") or ()) - _FACE_ATTRIBUTES
        if unknown:
            raise _invalid(f"Request has invalid Attributes: {', '.join(sorted(unknown))}")
        details = self._analyze(request, lambda image: [responses.face(face, image) for face in faces.detect(image)])
        _meter(request)
        return {"FaceDetails": details}

    def start_label_detection(self, request: Call) -> dict[str, Any]:
        """Start a job; so do the other three, each of which has its own results."""
        return self._videos.start(request)

    start_content_moderation = start_text_detection = start_face_detection = start_label_detection

    def get_label_detection(self, request: Call) -> dict[str, Any]:
        """State of a job, and a page of its results; so do the other three."""
        return self._videos.get(request)

    get_content_moderation = get_text_detection = get_face_detection = get_label_detection

    def resume(self) -> None:
        """Continue with the videos that were not finished."""
        self._videos.resume()

    def suspend(self) -> None:
        """Leave videos that are not finished for the next start."""
        self._videos.close()

    def work(self) -> Mapping[str, int]:
        """Videos that are looked at or wait for it."""
        return {"videos": self._videos.under_way()}

    def close(self) -> None:
        """Stop the threads."""
        self._videos.close()
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


def create(cloud: Cloud) -> Service:
    """The service."""
    return Rekognition(cloud)


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


def _stored(location: Mapping[str, Any]) -> bytes:
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
