"""The manifest that is delivered with an asset, and its catalog item.

`schemas/manifest.v1.schema.json` describes the manifest. An incompatible change is a new version there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect.registry import summary_fields
from impp_lambdas.core.money.pricing import LedgerLine, total

if TYPE_CHECKING:
    from impp_lambdas.core.results.outcome import Outcome

VERSION = 1
EXCERPT = 1000
"""Characters of the transcript in the catalog."""
_ORIGINAL_FACTS = {"bytes", "sha256", "crc64nvme"}
"""Facts that the manifest has under `original`."""


@dataclass(frozen=True)
class Delivery:
    """Keys in the delivery bucket, or None. `renditions` are `{name, key, width, height, bytes, duration_s}`."""

    renditions: tuple[Mapping[str, Any], ...] = ()
    poster: str | None = None
    storyboard: str | None = None
    storyboard_vtt: str | None = None
    captions: str | None = None
    captions_srt: str | None = None
    youtube: str | None = None
    hls: str | None = None

    @property
    def size(self) -> int:
        """Size of the renditions in bytes."""
        return sum(int(r["bytes"]) for r in self.renditions)


@dataclass(frozen=True)
class Record:
    """Everything about a processed asset. `media` is Inspect's result, `results` those of the branches."""

    media: Mapping[str, Any]
    execution: str
    outcome: Outcome
    results: Mapping[str, Mapping[str, Any]]
    delivery: Delivery
    transcript: str | None
    ledger: Sequence[LedgerLine]
    created_at: str
    finished_at: str

    @property
    def usd(self) -> float:
        """What the asset cost at list price."""
        return total(self.ledger)


def manifest(record: Record) -> dict[str, Any]:
    """The manifest of an asset."""
    media, delivery = record.media, record.delivery
    analysis, transcription = record.results.get("analyze", {}), record.results.get("transcribe", {})
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
        "facts": {name: value for name, value in media["facts"].items() if name not in _ORIGINAL_FACTS},
        "profile": profile_of(media),
        "renditions": [dict(r) for r in delivery.renditions],
        "poster": delivery.poster,
        "storyboard": _storyboard(delivery),
        "captions": _captions(delivery, transcription),
        "youtube": delivery.youtube,
        **({"hls": delivery.hls} if delivery.hls else {}),
        "analysis": summary_fields(analysis),
        "transcript": record.transcript,
        "archive": _archive(record.results),
        "branches": record.outcome.branches,
        "cost": {
            "usd": record.usd,
            "quote_usd": quote_usd(media),
            "ledger": [line.to_dict() for line in record.ledger],
        },
        "execution": record.execution,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }


def _captions(delivery: Delivery, transcription: Mapping[str, Any]) -> dict[str, Any] | None:
    if not delivery.captions:
        return None
    files = {"key": delivery.captions, "srt": delivery.captions_srt}
    return {**files, "language": transcription.get("language"), "engine": transcription.get("engine", "transcribe")}


def catalog(record: Record) -> dict[str, Any]:
    """Attributes of the catalog item, facts flat. None removes an attribute."""
    media, delivery, facts = record.media, record.delivery, record.media["facts"]
    analysis, transcription = record.results.get("analyze", {}), record.results.get("transcribe", {})
    return {
        **{k: v for k, v in facts.items() if k != "bytes"},
        "asset": media["asset"],
        "state": record.outcome.state,
        "reason": record.outcome.reason,
        "detail": record.outcome.detail,
        "bucket": media["bucket"],
        "key": media["key"],
        "version": media["version"] or None,
        "size": facts["bytes"],
        "day": facts["captured_at"][:10],
        **summary_fields(analysis),
        "profile": profile_of(media),
        "speech": record.results.get("sample", {}).get("speech"),
        "language": transcription.get("language"),
        "transcript": record.transcript[:EXCERPT] if record.transcript else None,
        "renditions": [dict(r) for r in delivery.renditions],
        "poster": delivery.poster,
        "storyboard": delivery.storyboard,
        "captions": delivery.captions,
        "archive": _archive(record.results),
        "quote": media["quote"],
        "ledger": [line.to_dict() for line in record.ledger],
        "usd_quote": quote_usd(media),
        "usd": record.usd,
        "branches": record.outcome.branches,
        "execution": record.execution,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }


def rejection(
    media: Mapping[str, Any],
    *,
    state: str,
    execution: str,
    lines: Sequence[LedgerLine],
    created_at: str,
    finished_at: str,
) -> dict[str, Any]:
    """Attributes of the catalog item of an object that could not be processed."""
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


def profile_of(media: Mapping[str, Any]) -> dict[str, str] | None:
    """The profile that the plan follows, `{name, why}`; None in plans that are older than profiles."""
    profile: dict[str, str] | None = media["plan"].get("profile")
    return profile


def quote_usd(media: Mapping[str, Any]) -> float:
    """Sum of Inspect's quote in USD."""
    return sum(float(line["usd"]) for line in media["quote"])


def _archive(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    archive = results.get("archive", {})
    return {k: archive[k] for k in ("storage_class", "tag", "why")} if "tag" in archive else None


def _storyboard(delivery: Delivery) -> dict[str, str] | None:
    if not delivery.storyboard or not delivery.storyboard_vtt:
        return None
    return {"image": delivery.storyboard, "vtt": delivery.storyboard_vtt}
