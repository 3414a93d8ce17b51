"""The manifest that is delivered with an asset, and the catalog item that is kept of it.

The manifest's shape is ``schemas/manifest.v1.schema.json``; a change that breaks a reader is a new version there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money.pricing import LedgerLine, total

if TYPE_CHECKING:
    from impp_lambdas.core.results.outcome import Outcome

VERSION = 1
EXCERPT = 1000
"""Characters of the transcript that the catalog keeps."""
_ELSEWHERE = {"bytes", "sha256", "crc64nvme"}
"""Facts that the manifest tells of the original file."""


@dataclass(frozen=True)
class Delivered:
    """What lies in the delivery bucket: keys, or None. ``renditions`` are ``{name, key, width, height, bytes,
    duration_s}``."""

    renditions: tuple[Mapping[str, Any], ...] = ()
    poster: str | None = None
    storyboard: str | None = None
    storyboard_vtt: str | None = None
    captions: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the renditions."""
        return sum(int(r["bytes"]) for r in self.renditions)


@dataclass(frozen=True)
class Record:
    """All that is known of an asset at its end: ``media`` is Inspect's answer, ``results`` are the branches'."""

    media: Mapping[str, Any]
    execution: str
    outcome: Outcome
    results: Mapping[str, Mapping[str, Any]]
    delivered: Delivered
    transcript: str | None
    ledger: Sequence[LedgerLine]
    created_at: str
    finished_at: str

    @property
    def usd(self) -> float:
        """What the asset cost, list price."""
        return total(self.ledger)


def manifest(record: Record) -> dict[str, Any]:
    """The manifest of an asset, by ``schemas/manifest.v1.schema.json``."""
    media, delivered = record.media, record.delivered
    analysis, transcribed = record.results.get("analyze", {}), record.results.get("transcribe", {})
    return {
        "version": VERSION,
        "asset": media["asset"],
        "state": record.outcome.state,
        "reason": record.outcome.reason,
        "original": {
            "bucket": media["bucket"],
            "key": media["key"],
            "version": media["version"] or None,
            "bytes": media["facts"]["bytes"],
            "sha256": media["facts"]["sha256"],
            "crc64nvme": media["facts"]["crc64nvme"],
        },
        "facts": {name: value for name, value in media["facts"].items() if name not in _ELSEWHERE},
        "renditions": [dict(r) for r in delivered.renditions],
        "poster": delivered.poster,
        "storyboard": _storyboard(delivered),
        "captions": {"key": delivered.captions, "language": transcribed.get("language")}
        if delivered.captions
        else None,
        "analysis": {
            "labels": list(analysis.get("labels", [])),
            "moderation": list(analysis.get("moderation", [])),
            "text": list(analysis.get("text", [])),
            "faces": int(analysis.get("faces", 0)),
        },
        "transcript": record.transcript,
        "archive": _archive(record.results),
        "branches": record.outcome.branches,
        "cost": {"usd": record.usd, "quote_usd": quoted(media), "ledger": [line.to_dict() for line in record.ledger]},
        "execution": record.execution,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }


def catalog(record: Record) -> dict[str, Any]:
    """The attributes of the catalog item, facts flat; None means that the attribute is removed."""
    media, delivered, facts = record.media, record.delivered, record.media["facts"]
    analysis, transcribed = record.results.get("analyze", {}), record.results.get("transcribe", {})
    return {
        **{k: v for k, v in facts.items() if k != "bytes"},
        "asset": media["asset"],
        "state": record.outcome.state,
        "reason": record.outcome.reason,
        "bucket": media["bucket"],
        "key": media["key"],
        "version": media["version"] or None,
        "size": facts["bytes"],
        "day": facts["captured_at"][:10],
        "labels": list(analysis.get("labels", [])),
        "moderation": list(analysis.get("moderation", [])),
        "text": list(analysis.get("text", [])),
        "faces": int(analysis.get("faces", 0)),
        "speech": record.results.get("sample", {}).get("speech"),
        "language": transcribed.get("language"),
        "transcript": record.transcript[:EXCERPT] if record.transcript else None,
        "renditions": [dict(r) for r in delivered.renditions],
        "poster": delivered.poster,
        "storyboard": delivered.storyboard,
        "captions": delivered.captions,
        "archive": _archive(record.results),
        "quote": media["quote"],
        "ledger": [line.to_dict() for line in record.ledger],
        "usd_quote": quoted(media),
        "usd": record.usd,
        "branches": record.outcome.branches,
        "execution": record.execution,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }


def rejected(
    media: Mapping[str, Any],
    state: str,
    execution: str,
    lines: Sequence[LedgerLine],
    created_at: str,
    finished_at: str,
) -> dict[str, Any]:
    """The attributes of the catalog item of an object that could not be processed."""
    facts = media["facts"]
    return {
        **{k: v for k, v in facts.items() if k != "bytes"},
        "asset": media["asset"],
        "state": state,
        "reason": media["reason"],
        "detail": media["detail"],
        "bucket": media["bucket"],
        "key": media["key"],
        "version": media["version"] or None,
        "size": facts["bytes"],
        "day": facts["captured_at"][:10],
        "ledger": [line.to_dict() for line in lines],
        "usd": total(lines),
        "execution": execution,
        "created_at": created_at,
        "finished_at": finished_at,
    }


def quoted(media: Mapping[str, Any]) -> float:
    """The sum of Inspect's quote in USD."""
    return sum(float(line["usd"]) for line in media["quote"])


def _archive(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    archive = results.get("archive", {})
    return {k: archive[k] for k in ("storage_class", "tag", "why")} if "tag" in archive else None


def _storyboard(delivered: Delivered) -> dict[str, str] | None:
    if not delivered.storyboard or not delivered.storyboard_vtt:
        return None
    return {"image": delivered.storyboard, "vtt": delivered.storyboard_vtt}
