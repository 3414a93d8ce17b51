"""The detectors: one row per detector, which says everything that the pipeline knows about it.

Plan, Analyze, quote, ledger, manifest, catalog item, alert texts and the IAM policy of Analyze derive from the rows. To
add a detector, add a row, a reader if its response has a new form, and its fragment to the manifest's JSON Schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.detect import readers, summaries

_NAMES: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "confidence", "first_s", "count"],
        "properties": {
            "name": {"type": "string"},
            "confidence": {"type": "number", "minimum": 0, "maximum": 100},
            "engine": {"type": "string"},
            "first_s": {"type": "number", "minimum": 0},
            "last_s": {"type": "number", "minimum": 0},
            "best_s": {"type": "number", "minimum": 0},
            "count": {"type": "integer", "minimum": 1},
        },
    },
}
"""Schema of :func:`.summaries.top_names`."""


@dataclass(frozen=True)
class Detector:
    """A way of looking at a frame.

    `name` identifies it in plans, timelines, manifests and catalog items. `engine` is a key of
    :data:`impp_lambdas.adapters.detectors.ENGINES`, which calls `operation` with `parameters` once per frame. `read`
    converts a response to findings, `summarize` condenses the findings of all frames. `price` is the (service, item) of
    the price book that one call costs. `heading` introduces the summary in alerts; None leaves it out. `has_spans` is
    set for detectors whose findings have a `name`. `schema` describes the summary in the manifest's JSON Schema, which
    adds the descriptions.
    """

    name: str
    engine: str
    operation: str
    parameters: Mapping[str, Any]
    iam_action: str
    price: tuple[str, str]
    read: Callable[[readers.Response], list[readers.Finding]]
    summarize: Callable[[summaries.Sightings], Any]
    heading: str | None
    has_spans: bool
    schema: Mapping[str, Any]


DETECTORS: Mapping[str, Detector] = {
    detector.name: detector
    for detector in (
        Detector(
            name="labels",
            engine="rekognition",
            operation="detect_labels",
            parameters={"MinConfidence": 60.0, "MaxLabels": 25},  # Rekognition's default confidence is 55
            iam_action="rekognition:DetectLabels",
            price=("rekognition", "image_api"),
            read=readers.labels,
            summarize=summaries.top_names,
            heading="Seen",
            has_spans=True,
            schema=_NAMES,
        ),
        Detector(
            name="moderation",
            engine="rekognition",
            operation="detect_moderation_labels",
            parameters={"MinConfidence": 60.0},
            iam_action="rekognition:DetectModerationLabels",
            price=("rekognition", "image_api"),
            read=readers.moderation,
            summarize=summaries.top_names,
            heading="Moderation",
            has_spans=True,
            schema={"type": "array"},
        ),
        Detector(
            name="text",
            engine="rekognition",
            operation="detect_text",
            parameters={"Filters": {"WordFilter": {"MinConfidence": readers.TEXT_CONFIDENCE}}},
            iam_action="rekognition:DetectText",
            price=("rekognition", "image_api"),
            read=readers.text,
            summarize=summaries.first_lines,
            heading="Read",
            has_spans=False,
            schema={"type": "array", "items": {"type": "string"}},
        ),
        Detector(
            name="faces",
            engine="rekognition",
            operation="detect_faces",
            parameters={"Attributes": ["DEFAULT"]},
            iam_action="rekognition:DetectFaces",
            price=("rekognition", "image_api"),
            read=readers.faces,
            summarize=summaries.most_at_once,
            heading=None,
            has_spans=False,
            schema={"type": "integer", "minimum": 0},
        ),
    )
}
"""Rows by name."""


def summary_fields(analysis: Mapping[str, Any]) -> dict[str, Any]:
    """Every detector's field of a manifest or catalog item, from Analyze's result; empty where it did not run."""
    return {name: analysis.get(name, detector.summarize(())) for name, detector in DETECTORS.items()}
