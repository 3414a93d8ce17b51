"""Condense the findings of all frames to what travels through the state machine.

Each function takes the sightings of one detector: `(t, findings)` of each frame that it has seen, in order of time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from impp_lambdas.core.detect.readers import LOCAL, Finding

TOP = 10
"""Most entries of a summary."""
TEXT_LENGTH = 100
"""Longest text line of a summary."""

Sightings = Sequence[tuple[float, list[Finding]]]


def top_names(sightings: Sightings) -> list[dict[str, Any]]:
    """The names that are seen longest, `{name, confidence, engine, first_s, last_s, best_s, count}`; of equal ones the
    more certain first. A parent, such as `Vehicle`, is left out where something under it was seen.

    Confidence and engine are those of the best frame: a managed service's answer counts more than a local one.
    """
    stands_for = _seconds([t for t, _ in sightings])
    parents = {parent for _, findings in sightings for finding in findings for parent in finding.get("parents", ())}
    by_name: dict[str, dict[float, Finding]] = defaultdict(dict)
    for t, findings in sightings:
        for finding in findings:
            if finding["name"] not in parents:
                before = by_name[finding["name"]].get(t)
                by_name[finding["name"]][t] = max(before or finding, finding, key=_rank)

    def length(item: tuple[str, dict[float, Finding]]) -> tuple[float, float, str]:
        name, seen = item
        return -sum(stands_for[t] for t in seen), -sum(finding["confidence"] for finding in seen.values()), name

    return [_entry(name, seen) for name, seen in sorted(by_name.items(), key=length)[:TOP]]


def _entry(name: str, seen: Mapping[float, Finding]) -> dict[str, Any]:
    times = list(seen)
    best_s = max(times, key=lambda t: (*_rank(seen[t]), -t))
    return {
        "name": name,
        "confidence": seen[best_s]["confidence"],
        "engine": seen[best_s].get("engine", LOCAL),
        "first_s": times[0],
        "last_s": times[-1],
        "best_s": best_s,
        "count": len(times),
    }


def _rank(finding: Finding) -> tuple[bool, float]:
    return finding.get("engine", LOCAL) != LOCAL, finding["confidence"]


def _seconds(times: Sequence[float]) -> dict[float, float]:
    """How long each frame stands for: to the middle between it and its neighbours."""
    middles = [(a + b) / 2 for a, b in pairwise(times)]
    bounds = [*times[:1], *middles, *times[-1:]]
    return {t: until - since for t, (since, until) in zip(times, pairwise(bounds), strict=True)}


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
