"""The documents of an archive that never existed: shards, words and manifests, the same for each size and seed.

Commutes of a dash cam with two or three cameras, a phone's clips and photos, some problems. `HOSTILE` is what an
attacker would put into names and transcripts.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from impp_lambdas.core import keys
from impp_lambdas.core.money import storage
from impp_lambdas.core.results import index

HOSTILE = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 2</script>'
RIGHT_TO_LEFT = "\u202egnp.exe \u0648\u062b\u064a\u0642\u0629 \u05e9\u05dc\u05d5\u05dd.mp4"
NEWEST = datetime(2026, 11, 28, 18, 40, tzinfo=UTC)
MEDIA_SETS = 6
"""Different clips, posters and storyboards that the site has; an asset's `media` names one."""
CLIP_S = 14.0

LABELS = ("Car", "Road", "Person", "Bicycle", "Truck", "Traffic Light", "Bus", "Motorcycle", "Tree", "Building", "Dog")
PHRASES = (
    "turn left at the next crossing",
    "did you see that cyclist",
    "we should have taken the ferry",
    "traffic is heavy on the bridge today",
    "stop the car please",
    "the café at the corner is open again",
    "happy birthday dear grandmother",
    "it was the best of times it was the worst of times",
)
SIGNS = ("STOP", "Hauptstrasse", "EXIT 24", "B-IM 4711", "Bakery", "50 km/h")
PROBLEMS = {
    "quarantined": ("the file ends in the middle of a picture", "Upload a better copy if there is one."),
    "deferred": ("the daily limit of $2.00 was reached", "Raise the limit that the reason names, or wait."),
    "failed": ("MediaConvert: internal error", "Replay it; if it fails again, read its execution."),
    "partial": ("transcribe: the service was not available", "Replay it for the missing results."),
}


class Archive:
    """`count` assets over `months` months before `NEWEST`. All documents are plain values, ready for JSON."""

    def __init__(self, count: int, months: int = 3, *, seed: int = 1, is_hostile: bool = False) -> None:
        self._random = random.Random(seed)  # the same archive every time
        self._is_hostile = is_hostile
        step = timedelta(days=30 * months) / max(1, count)
        self.entries: list[dict[str, Any]] = []
        self._words: dict[str, dict[str, Any]] = {}
        at = NEWEST
        while len(self.entries) < count:
            for entry, words in self._moment(at)[: count - len(self.entries)]:
                self.entries.append(entry)
                self._words[entry["asset"]] = words
            at -= step * self._random.choice((1, 1, 1, 3, 6))
            at -= timedelta(seconds=at.timestamp() % 1)

    @cached_property
    def months(self) -> dict[str, list[dict[str, Any]]]:
        """Entries by month, newest first."""
        months: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in self.entries:
            months[entry["captured_at"][:7]].append(entry)
        return dict(months)

    def documents(self) -> dict[str, Any]:
        """Every JSON document below `index/`, by key."""
        documents: dict[str, Any] = {}
        rows = [self._add(documents, month, entries) for month, entries in self.months.items()]
        updated = NEWEST.isoformat().replace("+00:00", "Z")
        documents[keys.INDEX_SHARDS] = {"version": 1, "updated_at": updated, "shards": rows}
        return documents

    def _add(self, documents: dict[str, Any], times: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Add a shard and its parts to the documents; returns its row."""
        shard = index.shard(times, len(entries), entries)
        words = index.words_shard(
            times, {entry["asset"]: said for entry in entries if (said := self._words[entry["asset"]])}
        )
        if index.is_full(shard, words):
            parts = {part: one["assets"] for part, (one, _) in index.parts(shard, words).items() if one["assets"]}
            shard = index.as_split(shard, [self._add(documents, part, some) for part, some in parts.items()])
            words = index.words_shard(times, {})
        documents |= {keys.index_shard(times): shard, keys.index_words(times): words}
        return index.row(shard)

    def manifest(self, asset: str) -> dict[str, Any] | None:
        """The manifest of a published asset; None if there is none."""
        entry = next((one for one in self.entries if one["asset"] == asset), None)
        if entry is None or entry["state"] not in ("published", "partial"):
            return None
        return manifest(entry, self._words[asset])

    def words(self, asset: str) -> dict[str, Any]:
        """What was seen, read and said in an asset."""
        return self._words[asset]

    def first(self, *, says: bool = False, **values: Any) -> dict[str, Any]:
        """The newest entry with these values; with `says`, one in which something is said."""
        return next(
            entry
            for entry in self.entries
            if all(entry.get(name) == value for name, value in values.items())
            and (not says or "speech" in self._words[entry["asset"]])
        )

    def captions(self, asset: str) -> str:
        """The captions of an asset as WebVTT."""
        lines = ["WEBVTT", ""]
        for second, phrase in self._words[asset].get("speech", ()):
            escaped = phrase.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            lines += [f"00:00:{second:06.3f} --> 00:00:{second + 2.5:06.3f}", escaped, ""]
        return "\n".join(lines)

    def _moment(self, at: datetime) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """What was recorded at one time: a clip for each camera, or one thing of a phone."""
        chance = self._random.random()
        if chance < 0.7:
            cameras = ("front", "rear", "interior") if chance < 0.2 else ("front", "rear")
            recording = self._random.choice(("routine",) * 8 + ("event", "parking"))
            return [self._asset(at, "dashcam", "blackvue", camera, recording, "video") for camera in cameras]
        kind = self._random.choice(("video", "video", "image", "audio"))
        return [self._asset(at, "phone", "pixel-8", None, "manual", kind)]

    def _asset(
        self, at: datetime, source: str, device: str, camera: str | None, recording: str, kind: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        number = len(self._words) + self._random.randrange(1 << 60)
        asset = hashlib.sha256(str(number).encode()).hexdigest()[:20]
        state = "published" if self._random.random() < 0.97 else self._random.choice(tuple(PROBLEMS))
        suffix = {"video": "mp4", "image": "jpg", "audio": "m4a"}[kind]
        name = f"{at:%Y%m%d_%H%M%S}_{(camera or 'x')[0].upper()}.{suffix}"
        if self._is_hostile:
            name = self._random.choice((HOSTILE, RIGHT_TO_LEFT))
        has_media = state in ("published", "partial")
        words = self._spoken(kind) if has_media else {}
        labels = list(dict.fromkeys(label for label, *_ in words.get("labels", ())))
        prefix = f"assets/{asset}"
        storyboard = {"image": f"{prefix}/storyboard.jpg", "vtt": f"{prefix}/storyboard.vtt"}
        reason, todo = PROBLEMS.get(state, (None, None))
        entry = {
            "asset": asset,
            "state": state,
            "reason": HOSTILE if reason and self._is_hostile else reason,
            "todo": todo,
            "captured_at": at.isoformat().replace("+00:00", "Z"),
            "duration_s": CLIP_S if kind != "image" else 0,
            "kind": kind,
            "source": source,
            "device": device,
            "camera": camera,
            "recording": recording,
            "profile": f"{source}-{recording}" if source == "dashcam" else "phone",
            "name": name,
            "key": f"originals/{source}/{device}/{at:%Y/%m/%d}/{name}",
            "bytes": self._random.randrange(20_000_000, 190_000_000),
            "class": "GLACIER" if recording == "routine" else "GLACIER_IR",
            "why": "routine footage that is rarely needed",
            "usd": round(self._random.uniform(0.0009, 0.012), 6),
            "labels": labels[:8],
            "people": "Person" in labels,
            "poster": f"{prefix}/poster.jpg" if has_media and kind != "audio" else None,
            "thumbnail": f"{prefix}/thumbnail.webp" if has_media and kind != "audio" else None,
            "storyboard": storyboard if has_media and kind == "video" else None,
            "preview": f"{prefix}/proxy.mp4" if has_media and kind == "video" else None,
        }
        return {name: value for name, value in entry.items() if value or name == "usd"}, words

    def _spoken(self, kind: str) -> dict[str, Any]:
        random = self._random
        spans = []
        for label in random.sample(LABELS, random.randrange(2, 7)):
            first = round(random.uniform(0, 9), 2)
            spans.append([label, first, round(min(CLIP_S, first + random.uniform(0, 5)), 2)])
        words: dict[str, Any] = {"labels": spans} if kind != "audio" else {}
        if kind == "video" and random.random() < 0.4:
            words["text"] = [[random.choice(SIGNS), round(random.uniform(0, 12), 2)]]
        if kind != "image" and random.random() < 0.3:
            phrases = [HOSTILE, *PHRASES] if self._is_hostile else random.sample(PHRASES, 3)
            words["speech"] = [[2.0 + 3.5 * number, phrase] for number, phrase in enumerate(phrases[:3])]
        return words


def manifest(entry: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """The manifest that belongs to an entry and its words (schemas/manifest.v1.schema.json)."""
    asset, kind = entry["asset"], entry["kind"]
    prefix = f"assets/{asset}"
    is_video = kind == "video"
    renditions = []
    if is_video:
        renditions = [{"name": "proxy", "key": f"{prefix}/proxy.mp4", "width": 640, "height": 272, "bytes": 912_345}]
    elif kind == "audio":
        renditions = [{"name": "audio", "key": f"{prefix}/audio.m4a", "width": None, "height": None, "bytes": 112_345}]
    speech = words.get("speech", ())
    labels = [
        {"name": name, "confidence": 88.5, "first_s": first, "last_s": last, "count": 4}
        for name, first, last in words.get("labels", ())
    ]
    ledger = [
        {"service": "lambda", "item": "arm64_gb_second", "quantity": 41.2, "unit": "GB-second", "usd": 0.00055},
        {"service": "rekognition", "item": "image_api", "quantity": 2, "unit": "image per API", "usd": 0.002},
        {"service": "states", "item": "standard_transition", "quantity": 14, "unit": "transition", "usd": 0.00035},
    ]
    return {
        "version": 1,
        "asset": asset,
        "state": entry["state"],
        "reason": entry.get("reason"),
        "original": {
            "bucket": "impp-local-123456789012-ingest",
            "key": entry["key"],
            "version": "0d5ab2ab-53ba-475f-a504-44d3dd3b679d",
            "bytes": entry["bytes"],
            "sha256": hashlib.sha256(asset.encode()).hexdigest(),
            "crc64nvme": "ArZjpEVvPdk=",
        },
        "facts": {
            "source": entry["source"],
            "device": entry["device"],
            "camera": entry.get("camera"),
            "recording": entry["recording"],
            "captured_at": entry["captured_at"],
            "captured_at_from": "filename",
            "kind": kind,
            "duration_s": entry.get("duration_s", 0),
            "width": None if kind == "audio" else 1920,
            "height": None if kind == "audio" else 1080,
            "rotation": 0,
            "fps": 25.0 if is_video else None,
            "video_codec": "h264" if is_video else None,
            "audio_codec": None if kind == "image" else "aac",
            "has_audio": kind != "image",
            "container": "mp4",
        },
        "profile": {"name": entry["profile"], "why": "it is footage of a dash cam, not of an event"},
        "renditions": [{**rendition, "duration_s": entry["duration_s"]} for rendition in renditions],
        "poster": entry.get("poster"),
        "storyboard": entry.get("storyboard"),
        "captions": {"key": f"{prefix}/captions.vtt", "language": "en-US", "engine": "lambda"} if speech else None,
        "analysis": {"labels": labels, "moderation": [], "text": [t for t, _ in words.get("text", ())], "faces": 0},
        "words": words,
        "transcript": " ".join(phrase for _, phrase in speech) or None,
        "archive": {
            "storage_class": entry["class"],
            "tag": "glacier-fr" if entry["class"] == "GLACIER" else "glacier-ir",
            "why": f"{entry['why']}: over 12 months glacier-fr costs $0.0031, standard $0.0217, glacier-ir $0.0049",
            "outlook_usd": {
                tag: {str(years): round(usd, 6) for years, usd in costs.items()}
                for tag, costs in storage.outlook(entry["bytes"], storage.need_of("phone", None)).items()
            },
        },
        "branches": {
            "sample": {"status": "ok"},
            "analyze": {"status": "ok"},
            "transcribe": {"status": "ok" if speech else "skipped"},
            "proxy": {"status": "ok"},
            "archive": {"status": "ok"},
        },
        "cost": {"usd": 0.0029, "quote_usd": 0.0061, "ledger": ledger},
        "execution": "arn:aws:states:us-east-1:123456789012:execution:impp-local-pipeline:x",
        "created_at": "2026-11-28T19:02:11Z",
        "finished_at": "2026-11-28T19:02:29Z",
    }
