"""The manifest that is delivered with an asset, and its catalog item.

`schemas/manifest.v1.schema.json` describes the manifest. An incompatible change is a new version there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from impp_lambdas.core import keys
from impp_lambdas.core.detect.registry import summary_fields
from impp_lambdas.core.money import storage
from impp_lambdas.core.money.pricing import LedgerLine, total
from impp_lambdas.core.results.playable import original_playable

if TYPE_CHECKING:
    from impp_lambdas.core.results.outcome import Outcome

VERSION = 1
TRACKS = "tracks.json"
MOST_TRACKS = 2000
"""Most tracks that are delivered, some 400 kB: a gallery draws them as a lane below the player."""
EXCERPT = 1000
"""Characters of the transcript in the catalog."""
_ORIGINAL_FACTS = {"bytes", "sha256", "crc64nvme"}
"""Facts that the manifest has under `original`."""


@dataclass(frozen=True)
class Delivery:
    """Keys in the delivery bucket, or None. `renditions` are `{name, key, width, height, bytes, duration_s}`."""

    renditions: tuple[Mapping[str, Any], ...] = ()
    poster: str | None = None
    thumbnail: str | None = None
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
    words: Mapping[str, Any] = field(default_factory=dict)
    """What was seen, read and said, with seconds: see :func:`impp_lambdas.core.results.index.words`."""
    tracks: Sequence[Mapping[str, Any]] = ()
    """What was followed from look to look: see :meth:`impp_lambdas.core.detect.tracks.Track.to_dict`."""

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
        "original_playable": original_playable(media["facts"], (_archive(record.results) or {}).get("storage_class")),
        "facts": {name: value for name, value in media["facts"].items() if name not in _ORIGINAL_FACTS},
        "profile": profile_of(media),
        "renditions": [dict(r) for r in delivery.renditions],
        "poster": delivery.poster,
        **({"thumbnail": delivery.thumbnail} if delivery.thumbnail else {}),
        "storyboard": _storyboard(delivery),
        "captions": _captions(delivery, transcription),
        "youtube": delivery.youtube,
        **({"hls": delivery.hls} if delivery.hls else {}),
        "analysis": summary_fields(analysis),
        **({"tracks": keys.delivery(media["asset"], TRACKS)} if record.tracks else {}),
        "transcript": record.transcript,
        "words": dict(record.words),
        "archive": _archive_with_outlook(record),
        "branches": record.outcome.branches,
        "cost": {
            "usd": record.usd,
            "quote_usd": quote_usd(media),
            **({"quote_basis": media["quote_basis"]} if media.get("quote_basis") else {}),
            "ledger": [line.to_dict() for line in record.ledger],
        },
        "execution": record.execution,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }


def tracks(record: Record) -> dict[str, Any]:
    """The document :data:`TRACKS`: the tracks that were seen longest, in order of their beginning."""
    longest = sorted(record.tracks, key=lambda track: (track["first_s"] - track["last_s"], -track["count"]))
    kept = sorted(longest[:MOST_TRACKS], key=lambda track: track["first_s"])
    return {"version": VERSION, "asset": record.media["asset"], "tracks": kept}


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
        "thumbnail": delivery.thumbnail,
        "storyboard": delivery.storyboard,
        "captions": delivery.captions,
        "archive": _archive(record.results),
        "keep_years": media["plan"].get("keep_years"),
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


def _archive_with_outlook(record: Record) -> dict[str, Any] | None:
    """The choice, and what every class would cost over the years, so that a reader sees it beside its alternatives."""
    archive = _archive(record.results)
    if archive is None:
        return None
    facts = record.media["facts"]
    need = storage.need_of(facts["source"], facts["recording"])
    outlook = storage.outlook(facts["bytes"], need)
    rows = {tag: {str(years): round(usd, 6) for years, usd in costs.items()} for tag, costs in outlook.items()}
    return {**archive, "outlook_usd": rows}


def _storyboard(delivery: Delivery) -> dict[str, str] | None:
    if not delivery.storyboard or not delivery.storyboard_vtt:
        return None
    return {"image": delivery.storyboard, "vtt": delivery.storyboard_vtt}
