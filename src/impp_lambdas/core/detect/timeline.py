"""The findings of all detectors, merged into one timeline of the frames, its summary and its spans.

Times are seconds from the start of the recording.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

from impp_lambdas.core.detect import summaries
from impp_lambdas.core.detect.readers import Finding, Response
from impp_lambdas.core.detect.registry import DETECTORS

Responses = Mapping[tuple[float, str], Response]
"""Responses by time and detector."""
Frame = dict[str, Any]
"""`{t, <detector>: findings}`."""
_TIME = itemgetter("t")


def timeline(looks: Iterable[Mapping[str, Any]], responses: Responses, asked: Iterable[float] = ()) -> Iterator[Frame]:
    """One frame per look or response or time in `asked`, in order of time, in which `looks` are already: twelve hours
    of looks are more than fits into memory.

    What a service answered replaces what the local model of that detector saw in the frame. A detector that neither
    was asked nor looked is absent there, not empty. Every finding names its `engine`.
    """
    times = [{"t": t} for t in sorted({*asked, *(t for t, _ in responses)})]
    for t, same in groupby(heapq.merge(looks, times, key=_TIME), key=_TIME):
        frame: Frame = {"t": t}
        for look in same:
            frame |= {name: look[name] for name in DETECTORS if name in look}
        for name, detector in DETECTORS.items():
            if (t, name) in responses:
                seen = detector.read(responses[t, name])
                frame[name] = [{**finding, "engine": detector.engine} for finding in seen]
        yield frame


class Overrides(NamedTuple):
    """Answers of a service about frames that the local model of the same detector had looked at, and those of them that
    differ from what it saw."""

    answers: int
    disagreements: int


def overrides(looks: Iterable[Mapping[str, Any]], responses: Responses) -> Overrides:
    """Count the answers that replace local findings.

    A service knows more names than a model, so names differ where the model saw one that the service does not confirm;
    text differs by its words, faces by their number.
    """
    replaced = [
        (name, look[name], responses[look["t"], name])
        for look in looks
        for name in DETECTORS
        if name in look and (look["t"], name) in responses
    ]
    differing = sum(_differs(name, local, DETECTORS[name].read(response)) for name, local, response in replaced)
    return Overrides(len(replaced), differing)


def _differs(name: str, local: list[Finding], managed: list[Finding]) -> bool:
    if DETECTORS[name].has_spans:
        return not {finding["name"] for finding in local} <= {finding["name"] for finding in managed}
    if any("text" in finding for finding in (*local, *managed)):
        return _words(local) != _words(managed)
    return len(local) != len(managed)


def _words(findings: list[Finding]) -> set[str]:
    return {word for finding in findings for word in finding["text"].casefold().split()}


def abridged(frame: Frame) -> Frame:
    """A frame without the boxes of its findings, which :func:`summary` and :func:`spans` do not need."""
    return {
        key: [_abridged(finding) for finding in value] if key in DETECTORS else value for key, value in frame.items()
    }


def _abridged(finding: Finding) -> Finding:
    return {
        key: intern(value) if isinstance(value, str) else value
        for key, value in finding.items()
        if key not in ("box", "instances")
    }


def summary(frames: Sequence[Frame]) -> dict[str, Any]:
    """The summary of every detector."""
    return {name: detector.summarize(_sightings(frames, name)) for name, detector in DETECTORS.items()}


def spans(frames: Sequence[Frame], summary: Mapping[str, Any]) -> dict[str, dict[str, list[list[float]]]]:
    """For each name in the summary, the times between which it was seen."""
    return {
        name: {entry["name"]: summaries.spans(_sightings(frames, name), entry["name"]) for entry in summary[name]}
        for name, detector in DETECTORS.items()
        if detector.has_spans
    }


def _sightings(frames: Sequence[Frame], name: str) -> summaries.Sightings:
    """A detector's findings. A frame without its response is neither a sighting nor a gap."""
    return [(frame["t"], frame[name]) for frame in frames if name in frame]
