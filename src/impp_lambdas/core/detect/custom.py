"""Detectors that a user brings: a model behind a SageMaker endpoint, named by configuration and not by code.

The endpoint receives the bytes of a frame (`image/jpeg`) and answers with JSON:

    {"labels": [{"name": "night", "confidence": 97.1,
                 "instances": [{"confidence": 97.1, "box": [left, top, width, height]}]}]}

Confidences are percent, boxes shares of the picture, `instances` may be absent. The findings are labels: they stand in
the timeline beside those of the profile's own engine, with a prefix that the configuration sets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impp_lambdas.core.detect.readers import Finding

ENGINE = "sagemaker"
SERVERLESS, ASYNCHRONOUS = "serverless", "asynchronous"

MAX_LABELS = 100
"""Labels per frame, and boxes per label, that are kept."""
MAX_NAME = 60
"""Longest name of a label, without its prefix."""


class UnreadableAnswer(ValueError):
    """A model's answer does not have the documented form."""


@dataclass(frozen=True)
class CustomDetector:
    """A model of the user's own.

    `kind` is `serverless` (answers at once) or `asynchronous` (answers by an object in S3). Labels below
    `min_confidence` percent are dropped. `profiles` names the profiles beside whose own engines it looks at the frames;
    None means every profile, an empty tuple only profiles whose `labels` is this detector's name. For the quote, one
    frame takes `seconds_per_frame` of `memory_mb` (serverless) or of an instance of `instance_type`.
    """

    name: str
    endpoint: str
    kind: str = SERVERLESS
    labels_prefix: str = ""
    min_confidence: float = 60.0
    profiles: tuple[str, ...] | None = None
    memory_mb: int = 2048
    instance_type: str = ""
    seconds_per_frame: float = 0.5


def parse(text: str) -> dict[str, CustomDetector]:
    """Detectors by name, from the JSON object that Terraform writes; attributes that are null keep their default.

    Raises ValueError for text that is not such an object.
    """
    try:
        entries = json.loads(text or "{}")
        return {name: _detector(name, entry) for name, entry in entries.items()}
    except (AttributeError, TypeError) as error:
        raise ValueError(f"custom detectors: {error}") from error


def _detector(name: str, entry: Mapping[str, Any]) -> CustomDetector:
    attributes = {key: value for key, value in entry.items() if value is not None}
    if "profiles" in attributes:
        attributes["profiles"] = tuple(attributes["profiles"])
    return CustomDetector(name=name, **attributes)


def detectors_for(detectors: Mapping[str, CustomDetector], profile: str, engine: str | None) -> list[CustomDetector]:
    """The detectors that look at footage of a profile: the one that is its `engine` for labels, and those beside it."""
    return [
        detector
        for name, detector in sorted(detectors.items())
        if name == engine or detector.profiles is None or profile in detector.profiles
    ]


def read(detector: CustomDetector, body: bytes) -> list[Finding]:
    """Findings of an answer, the most confident first. Raises UnreadableAnswer.

    The answer is a foreign program's: everything is checked, and its size bounded.
    """
    try:
        labels = json.loads(body)["labels"]
        findings = [finding for label in labels[:MAX_LABELS] if (finding := _finding(detector, label))]
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        raise UnreadableAnswer(f"{detector.name}: the answer does not have the documented form: {error!r}") from error
    return sorted(findings, key=lambda finding: (-finding["confidence"], finding["name"]))


def _finding(detector: CustomDetector, label: Mapping[str, Any]) -> Finding | None:
    name = "".join(character for character in str(label["name"]) if character.isprintable()).strip()
    confidence = _percent(label["confidence"])
    if not name or confidence < detector.min_confidence:
        return None
    instances = [
        {"confidence": _percent(instance["confidence"]), "box": _box(instance["box"])}
        for instance in (label.get("instances") or [])[:MAX_LABELS]
    ]
    prefixed = f"{detector.labels_prefix}{name[:MAX_NAME]}"
    return {"name": prefixed, "confidence": confidence, "instances": instances, "engine": ENGINE}


def _percent(value: float) -> float:
    number = float(value)
    if not 0 <= number <= 100:  # also false for NaN
        raise ValueError(f"a confidence of {number} is not within 0 and 100")
    return round(number, 2)


def _box(values: Sequence[float]) -> list[float]:
    left, top, width, height = (float(value) for value in values)
    if not all(map(math.isfinite, (left, top, width, height))):
        raise ValueError("a box is not finite")
    left, top = min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0)
    return [round(n, 4) for n in (left, top, min(max(width, 0.0), 1 - left), min(max(height, 0.0), 1 - top))]


def merge(frames: Iterable[Mapping[str, Any]], findings: Mapping[float, list[Finding]]) -> Iterator[dict[str, Any]]:
    """The frames of a timeline with the findings of custom detectors, by time, among their labels."""
    for frame in frames:
        more = findings.get(frame["t"])
        yield {**frame, "labels": [*frame.get("labels", []), *more]} if more is not None else dict(frame)
