"""The detectors: one row per detector, which says everything that the pipeline knows about it.

Profiles, plan, Analyze, quote, ledger, manifest and its JSON Schema, catalog item, alert texts and the IAM policy of
Analyze derive from the rows. To add a detector, add a row, and a reader if its response has a new form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.detect import readers, summaries

LOCAL_ENGINES = ("lambda", "cascade")
"""Engines with which a model of ours looks at every picture."""

_NAMES: Mapping[str, Any] = {
    "type": "object",
    "required": ["name", "confidence", "first_s", "count"],
    "properties": {
        "name": {"type": "string", "description": "Label, as Rekognition names it."},
        "confidence": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "Confidence in the best frame, in percent.",
        },
        "engine": {
            "type": "string",
            "description": "What saw it in the best frame: `rekognition`, `rekognition-video`, `lambda` (a model in "
            "our function) or `sagemaker` (a custom detector). An answer of a service counts more than "
            "what a model saw.",
        },
        "first_s": {
            "type": "number",
            "minimum": 0,
            "description": "Seconds from the start to the first frame that shows it.",
        },
        "last_s": {"type": "number", "minimum": 0, "description": "The same for the last frame."},
        "best_s": {"type": "number", "minimum": 0, "description": "The same for the best frame."},
        "count": {"type": "integer", "minimum": 1, "description": "Number of frames that show it."},
    },
}
"""Schema of an entry of :func:`.summaries.top_names`."""


@dataclass(frozen=True)
class Detector:
    """A way of looking at a frame.

    `name` identifies it in plans, timelines, manifests and catalog items. `engine` is a key of
    :data:`impp_lambdas.adapters.detectors.ENGINES`, which calls `operation` with `parameters` once per frame. `read`
    converts a response to findings, `summarize` condenses the findings of all frames. `price` is the (service, item) of
    the price book that one call costs. `look_s` is how long a model of ours takes per picture, in seconds of one core
    of the development machine (x86-64, AMD EPYC); None without a model, and then `engine` answers for it. `heading`
    introduces the summary in alerts; None leaves it out. `has_spans` is set for detectors whose findings have a `name`.
    `schema` describes the summary in the manifest's JSON Schema.
    """

    name: str
    engine: str
    operation: str
    parameters: Mapping[str, Any]
    iam_action: str
    price: tuple[str, str]
    look_s: float | None
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
            look_s=0.05,
            read=readers.labels,
            summarize=summaries.top_names,
            heading="Seen",
            has_spans=True,
            schema={
                "type": "array",
                "items": _NAMES,
                "description": "The objects and scenes that are seen longest, at most ten. A parent such as `Vehicle` "
                "is left out where something under it is seen.",
            },
        ),
        Detector(
            name="moderation",
            engine="rekognition",
            operation="detect_moderation_labels",
            parameters={"MinConfidence": 60.0},
            iam_action="rekognition:DetectModerationLabels",
            price=("rekognition", "image_api"),
            look_s=0.02,
            read=readers.moderation,
            summarize=summaries.top_names,
            heading="Moderation",
            has_spans=True,
            schema={
                "type": "array",
                "description": "Moderation labels, at most ten, in the same form as `labels`.",
            },
        ),
        Detector(
            name="text",
            engine="rekognition",
            operation="detect_text",
            parameters={"Filters": {"WordFilter": {"MinConfidence": readers.TEXT_CONFIDENCE}}},
            iam_action="rekognition:DetectText",
            price=("rekognition", "image_api"),
            look_s=0.05,
            read=readers.text,
            summarize=summaries.first_lines,
            heading="Read",
            has_spans=False,
            schema={
                "type": "array",
                "items": {"type": "string"},
                "description": "Lines of text seen in the picture, at most ten.",
            },
        ),
        Detector(
            name="faces",
            engine="rekognition",
            operation="detect_faces",
            parameters={"Attributes": ["DEFAULT"]},
            iam_action="rekognition:DetectFaces",
            price=("rekognition", "image_api"),
            look_s=0.055,
            read=readers.faces,
            summarize=summaries.most_at_once,
            heading=None,
            has_spans=False,
            schema={"type": "integer", "minimum": 0, "description": "Most faces seen in one frame."},
        ),
    )
}
"""Rows by name."""


def summary_fields(analysis: Mapping[str, Any]) -> dict[str, Any]:
    """Every detector's field of a manifest or catalog item, from Analyze's result; empty where it did not run."""
    return {name: analysis.get(name, detector.summarize(())) for name, detector in DETECTORS.items()}
