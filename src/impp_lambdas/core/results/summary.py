"""What an alert says about an asset: what it is, what was seen and said, what was made, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impp_lambdas.core.results.manifest import Record, quoted

_SHOWN = 8
_QUOTED = 200


def lines(record: Record) -> list[str]:
    """The lines, empty ones left out by whoever prints them; the reason of a partial result comes first."""
    results, delivered = record.results, record.delivered
    analysis = results.get("analyze", {})
    archive = results.get("archive", {})
    return [
        record.outcome.reason or "",
        describe(record.media["facts"]),
        _listed("Seen", [str(label["name"]) for label in analysis.get("labels", [])]),
        _listed("Moderation", [str(m.get("name", m)) if isinstance(m, Mapping) else m for m in _moderation(analysis)]),
        _listed("Read", [str(text) for text in analysis.get("text", [])]),
        f'Said: "{shortened(record.transcript, _QUOTED)}"' if record.transcript else "",
        _listed("Renditions", [_rendition(r) for r in delivered.renditions]),
        f"Archive: {archive['why']}" if "why" in archive else "",
        f"Cost: ${record.usd:.4f}, quoted at most ${quoted(record.media):.4f}",
    ]


def describe(facts: Mapping[str, Any]) -> str:
    """One line about an original: ``dashcam front event, 2026-11-20T08:15:00Z, 60.0 s, 1920x1080 h264``."""
    what = " ".join(str(facts[name]) for name in ("source", "camera", "recording") if facts.get(name))
    size = f"{facts['width']}x{facts['height']}" if facts.get("width") else ""
    picture = " ".join(filter(None, [size, facts.get("video_codec")]))
    duration = f"{facts['duration_s']:.1f} s" if facts.get("duration_s") else ""
    sound = "" if facts.get("kind") != "video" or facts.get("has_audio") else "no sound"
    return ", ".join(filter(None, [what, facts.get("captured_at"), duration, picture, sound]))


def shortened(text: str, length: int) -> str:
    """A text cut at a word to at most ``length`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rpartition(" ")[0] + "…"


def _moderation(analysis: Mapping[str, Any]) -> list[Any]:
    return list(analysis.get("moderation", []))


def _rendition(rendition: Mapping[str, Any]) -> str:
    size = f" {rendition['width']}x{rendition['height']}" if rendition.get("width") else ""
    return f"{rendition['name']}{size} ({rendition['bytes'] / 1e6:.1f} MB)"


def _listed(title: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{title}: {', '.join(names[:_SHOWN])}{more}"
