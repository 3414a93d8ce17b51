"""The text of an alert about an asset: facts, findings, transcript, renditions, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.intake.facts import UNKNOWN_CODEC
from impp_lambdas.core.results import reasons
from impp_lambdas.core.results.manifest import Record, quote_usd

_SHOWN = 8
"""Entries of a list that an alert names."""
_EXCERPT = 200
"""Characters of the transcript in an alert."""
_LOOKS = {
    "lambda": "our models",
    "cascade": "our models and Rekognition",
    "rekognition": "Rekognition",
    "rekognition-video": "Rekognition Video",
}
_HEARS = {"lambda": "our model", "transcribe": "Transcribe"}
"""Engines of a plan in words."""


def lines(record: Record) -> list[str]:
    """Lines of the text, some of them empty. The reason of a partial result comes first."""
    results = record.results
    analysis = results.get("analyze", {})
    archive = results.get("archive", {})
    tracks = int(record.media["facts"].get("video_tracks") or 0)
    return [
        reasons.sentence(record.outcome.reason, record.outcome.detail),
        f"s3://{record.media['bucket']}/{record.media['key']}" if record.outcome.state == "quarantined" else "",
        describe(record.media["facts"]),
        planned(record.media["plan"]),
        _tracks(tracks, record) if tracks > 1 else "",
        *(
            _list(detector.heading, [_title(entry) for entry in analysis.get(name, [])])
            for name, detector in DETECTORS.items()
            if detector.heading
        ),
        f'Said: "{shorten(record.transcript, _EXCERPT)}"' if record.transcript else "",
        _list("Renditions", [_rendition(r) for r in record.delivery.renditions]),
        f"Archive: {archive['why']}" if "why" in archive else "",
        f"Cost: ${record.usd:.4f}, quoted at most ${quote_usd(record.media):.4f}",
    ]


def _tracks(count: int, record: Record) -> str:
    shown = sum(rendition["name"].startswith("proxy") for rendition in record.delivery.renditions)
    watched = f"{max(1, shown)} can be watched; labels are the first's"
    return f"The file has {count} video tracks, of which {watched}"


def planned(plan: Mapping[str, Any]) -> str:
    """The profile and what it means, such as `Profile phone, because its source is phone: labels and text by our models
    and Rekognition, speech by our model; proxy at once, web and mobile on request`."""
    profile = plan.get("profile")
    if not profile:
        return ""
    by_engine: dict[str, list[str]] = {}
    for detector, engine in plan.get("detectors", {}).items():
        by_engine.setdefault(_LOOKS.get(engine, f"the detector {engine}"), []).append(detector)
    work = [f"{_joined(detectors)} by {engine}" for engine, detectors in by_engine.items()]
    if plan.get("speech", "off") != "off":
        work.append(f"speech by {_HEARS[plan['speech']]}")
    at_once = list(dict.fromkeys(r["name"].partition("-")[0] for r in plan.get("renditions", ())))
    renditions = [f"{_joined(at_once)} at once"] if at_once else []
    renditions += [f"{_joined(plan['on_request'])} on request"] if plan.get("on_request") else []
    what = "; ".join(filter(None, [", ".join(work), ", ".join(renditions)]))
    return f"Profile {profile['name']}, because {profile['why']}" + (f": {what}" if what else "")


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def rejection_lines(media: Mapping[str, Any], tags_left_out: Sequence[str]) -> list[str]:
    """Lines about an object that could not be processed; `media` is Inspect's result."""
    return [
        reasons.sentence(media["reason"], media["detail"]),
        f"s3://{media['bucket']}/{media['key']}",
        describe(media["facts"]),
        f"No room for the tags {', '.join(tags_left_out)}: S3 allows 10 per object" if tags_left_out else "",
    ]


def describe(facts: Mapping[str, Any]) -> str:
    """One line about an original, such as `dashcam front event, 2026-11-20T08:15:00Z, 60.0 s, 1920x1080 h264`."""
    what = " ".join(str(facts[name]) for name in ("source", "camera", "recording") if facts.get(name))
    size = f"{facts['width']}x{facts['height']}" if facts.get("width") else ""
    codec = facts.get("video_codec")
    picture = " ".join(filter(None, [size, "of an unknown codec" if codec == UNKNOWN_CODEC else codec]))
    duration = f"{facts['duration_s']:.1f} s" if facts.get("duration_s") else ""
    sound = "" if facts.get("kind") != "video" or facts.get("has_audio") else "no sound"
    return ", ".join(filter(None, [what, facts.get("captured_at"), duration, picture, sound]))


def shorten(text: str, length: int) -> str:
    """Cut a text at a word to at most `length` characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rpartition(" ")[0] + "…"


def _title(entry: Any) -> str:
    """An entry of a detector's summary as text."""
    return str(entry["name"]) if isinstance(entry, Mapping) else str(entry)


def _rendition(rendition: Mapping[str, Any]) -> str:
    size = f" {rendition['width']}x{rendition['height']}" if rendition.get("width") else ""
    return f"{rendition['name']}{size} ({rendition['bytes'] / 1e6:.1f} MB)"


def _list(title: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{title}: {', '.join(names[:_SHOWN])}{more}"
