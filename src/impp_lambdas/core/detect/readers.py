"""Convert a service's response about one picture to findings.

A finding is plain JSON: confidences in percent, boxes as `[left, top, width, height]` in shares of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXT_CONFIDENCE = 80.0
"""Lowest confidence of a text line in percent."""

LOCAL = "lambda"
"""The engine whose findings any other one overrides."""

Finding = dict[str, Any]
Response = Mapping[str, Any]


def labels(response: Response) -> list[Finding]:
    """Objects and scenes of DetectLabels with a box per instance, and the names of their parents, such as `Vehicle`."""
    return [
        {
            "name": label["Name"],
            "confidence": _percent(label),
            "parents": [parent["Name"] for parent in label.get("Parents", [])],
            "instances": [{"confidence": _percent(i), "box": _box(i)} for i in label.get("Instances", [])],
        }
        for label in response.get("Labels", [])
    ]


def moderation(response: Response) -> list[Finding]:
    """Categories of DetectModerationLabels, each with its parent."""
    return [
        {"name": m["Name"], "parent": m.get("ParentName", ""), "confidence": _percent(m)}
        for m in response.get("ModerationLabels", [])
    ]


def text(response: Response) -> list[Finding]:
    """Lines of DetectText, without its single words."""
    return [
        {"text": t["DetectedText"], "confidence": _percent(t), "box": _box(t.get("Geometry", {}))}
        for t in response.get("TextDetections", [])
        if t.get("Type") == "LINE" and t.get("Confidence", 0) >= TEXT_CONFIDENCE
    ]


def faces(response: Response) -> list[Finding]:
    """Faces of DetectFaces."""
    return [{"confidence": _percent(face), "box": _box(face)} for face in response.get("FaceDetails", [])]


def _percent(item: Mapping[str, Any]) -> float:
    return round(float(item.get("Confidence", 0.0)), 2)


def _box(item: Mapping[str, Any]) -> list[float] | None:
    box = item.get("BoundingBox")
    return [round(float(box[side]), 4) for side in ("Left", "Top", "Width", "Height")] if box else None
