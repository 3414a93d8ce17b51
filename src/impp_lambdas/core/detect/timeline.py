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


def timeline(looks: Iterable[Mapping[str, Any]], responses: Responses) -> Timeline:
    """One entry per look or asked frame, `{t, <detector>: findings}`, in order of time.

    What a service answered replaces what the local model of that detector saw in the frame. A detector that neither
    was asked nor looked is absent there, not empty. Every finding names its `engine`.
    """
    frames: dict[float, dict[str, Any]] = {}
    for look in looks:
        frames[look["t"]] = {"t": look["t"], **{name: look[name] for name in DETECTORS if name in look}}
    for (t, name), response in responses.items():
        detector = DETECTORS[name]
        seen = [{**finding, "engine": detector.engine} for finding in detector.read(response)]
        frames.setdefault(t, {"t": t})[name] = seen
    return [frames[t] for t in sorted(frames)]


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
