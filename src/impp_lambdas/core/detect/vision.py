"""What Rekognition's image APIs said about the frames, merged into one timeline and a summary.

Times are seconds from the start of the recording, confidences percent, boxes ``[left, top, width, height]`` as shares
of the picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LABEL_CONFIDENCE = 60.0
"""Least confidence asked of labels; Rekognition's own default is 55."""
MODERATION_CONFIDENCE = 60.0
TEXT_CONFIDENCE = 80.0
MAX_LABELS = 25
TOP = 10
TEXT_LENGTH = 100
"""Longest text line in the summary: it travels through the state machine."""

OPERATIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "labels": ("detect_labels", {"MinConfidence": LABEL_CONFIDENCE, "MaxLabels": MAX_LABELS}),
    "moderation": ("detect_moderation_labels", {"MinConfidence": MODERATION_CONFIDENCE}),
    "text": ("detect_text", {"Filters": {"WordFilter": {"MinConfidence": TEXT_CONFIDENCE}}}),
    "faces": ("detect_faces", {"Attributes": ["DEFAULT"]}),
}
"""Each API of a plan: the client's method and what is asked of it."""

Finding = dict[str, Any]


def _labels(answer: Mapping[str, Any]) -> list[Finding]:
    return [
        {
            "name": found["Name"],
            "confidence": _percent(found),
            "instances": [{"confidence": _percent(i), "box": _box(i)} for i in found.get("Instances", [])],
        }
        for found in answer.get("Labels", [])
    ]


def _moderation(answer: Mapping[str, Any]) -> list[Finding]:
    return [
        {"name": m["Name"], "parent": m.get("ParentName", ""), "confidence": _percent(m)}
        for m in answer.get("ModerationLabels", [])
    ]


def _text(answer: Mapping[str, Any]) -> list[Finding]:
    return [
        {"text": t["DetectedText"], "confidence": _percent(t), "box": _box(t.get("Geometry", {}))}
        for t in answer.get("TextDetections", [])
        if t.get("Type") == "LINE" and t.get("Confidence", 0) >= TEXT_CONFIDENCE
    ]


def _faces(answer: Mapping[str, Any]) -> list[Finding]:
    return [{"confidence": _percent(f), "box": _box(f)} for f in answer.get("FaceDetails", [])]


READERS: Mapping[str, Callable[[Mapping[str, Any]], list[Finding]]] = {
    "labels": _labels,
    "moderation": _moderation,
    "text": _text,
    "faces": _faces,
}


def timeline(times: Iterable[float], answers: Mapping[tuple[float, str], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry a frame. An API that was not asked or did not answer for a frame is absent there, not empty."""
    return [
        {"t": t, **{api: read(answers[t, api]) for api, read in READERS.items() if (t, api) in answers}} for t in times
    ]


def summary(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole in short: top labels, moderation, text lines and the most faces seen at one time."""
    faces = max((len(f["faces"]) for f in frames if "faces" in f), default=0)
    lines: dict[str, None] = {}
    for frame in frames:
        for found in frame.get("text", []):
            lines.setdefault(found["text"][:TEXT_LENGTH])
    return {
        "labels": _ranked(frames, "labels")[:TOP],
        "moderation": _ranked(frames, "moderation")[:TOP],
        "text": list(lines)[:TOP],
        "faces": faces,
    }


def spans(frames: list[dict[str, Any]], api: str, name: str) -> list[list[float]]:
    """``[first, last]`` times of each row of consecutive frames in which a name was found."""
    rows: list[list[float]] = []
    going_on = False
    for frame in frames:
        if api not in frame:
            continue  # nobody looked: neither a sighting nor a gap
        seen = any(found["name"] == name for found in frame[api])
        if seen and going_on:
            rows[-1][1] = frame["t"]
        elif seen:
            rows.append([frame["t"], frame["t"]])
        going_on = seen
    return rows


def _ranked(frames: list[dict[str, Any]], api: str) -> list[Finding]:
    """Names by the sum of their confidences: what is there often and for sure comes first."""
    seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for frame in frames:
        for name in {found["name"] for found in frame.get(api, [])}:
            best = max(f["confidence"] for f in frame[api] if f["name"] == name)
            seen[name].append((frame["t"], best))
    ranked = sorted(seen.items(), key=lambda item: (-sum(c for _, c in item[1]), item[0]))
    return [
        {"name": name, "confidence": max(c for _, c in found), "first_s": found[0][0], "count": len(found)}
        for name, found in ranked
    ]


def _percent(found: Mapping[str, Any]) -> float:
    return round(float(found.get("Confidence", 0.0)), 2)


def _box(found: Mapping[str, Any]) -> list[float] | None:
    box = found.get("BoundingBox")
    return [round(float(box[side]), 4) for side in ("Left", "Top", "Width", "Height")] if box else None
