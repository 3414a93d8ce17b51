"""Condense the findings of all frames to what travels through the state machine.

Each function takes the sightings of one detector: `(t, findings)` of each frame that it has seen, in order of time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from impp_lambdas.core.detect.readers import Finding

TOP = 10
"""Most entries of a summary."""
TEXT_LENGTH = 100
"""Longest text line of a summary."""

Sightings = Sequence[tuple[float, list[Finding]]]


def top_names(sightings: Sightings) -> list[dict[str, Any]]:
    """The most prominent names: ranked by the sum of their confidences, so by how often and how certain they are."""
    by_name: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for t, findings in sightings:
        for name in {finding["name"] for finding in findings}:
            confidence = max(f["confidence"] for f in findings if f["name"] == name)
            by_name[name].append((t, confidence))
    ranked = sorted(by_name.items(), key=lambda item: (-sum(c for _, c in item[1]), item[0]))
    return [
        {"name": name, "confidence": max(c for _, c in seen), "first_s": seen[0][0], "count": len(seen)}
        for name, seen in ranked[:TOP]
    ]


def first_lines(sightings: Sightings) -> list[str]:
    """Distinct lines of text in order of appearance, shortened."""
    lines = (finding["text"][:TEXT_LENGTH] for _, findings in sightings for finding in findings)
    return list(dict.fromkeys(lines))[:TOP]


def most_at_once(sightings: Sightings) -> int:
    """The highest number of findings in one frame."""
    return max((len(findings) for _, findings in sightings), default=0)


def spans(sightings: Sightings, name: str) -> list[list[float]]:
    """`[first, last]` times of each run of consecutive sightings that contain a name."""
    runs: list[list[float]] = []
    is_running = False
    for t, findings in sightings:
        is_seen = any(finding["name"] == name for finding in findings)
        if is_seen and is_running:
            runs[-1][1] = t
        elif is_seen:
            runs.append([t, t])
        is_running = is_seen
    return runs
