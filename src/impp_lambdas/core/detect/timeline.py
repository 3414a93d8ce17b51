"""The findings of all detectors, merged into one timeline of the frames, its summary and its spans.

Times are seconds from the start of the recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from impp_lambdas.core.detect import summaries
from impp_lambdas.core.detect.readers import Response
from impp_lambdas.core.detect.registry import DETECTORS

Responses = Mapping[tuple[float, str], Response]
"""Responses by time and detector."""
Timeline = list[dict[str, Any]]


def timeline(times: Iterable[float], responses: Responses) -> Timeline:
    """One entry per frame. A detector that was not asked or did not respond is absent there, not empty."""
    return [
        {"t": t, **{name: d.read(responses[t, name]) for name, d in DETECTORS.items() if (t, name) in responses}}
        for t in times
    ]


def summary(frames: Timeline) -> dict[str, Any]:
    """The summary of every detector."""
    return {name: detector.summarize(_sightings(frames, name)) for name, detector in DETECTORS.items()}


def spans(frames: Timeline, summary: Mapping[str, Any]) -> dict[str, dict[str, list[list[float]]]]:
    """For each name in the summary, the times between which it was seen."""
    return {
        name: {entry["name"]: summaries.spans(_sightings(frames, name), entry["name"]) for entry in summary[name]}
        for name, detector in DETECTORS.items()
        if detector.has_spans
    }


def _sightings(frames: Timeline, name: str) -> summaries.Sightings:
    """A detector's findings. A frame without its response is neither a sighting nor a gap."""
    return [(frame["t"], frame[name]) for frame in frames if name in frame]
