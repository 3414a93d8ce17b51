"""The documents of the index of all assets: an entry for each asset, what was seen and said in it, lists of shards.

It is what lists and searches read, so that they need neither the catalog nor a server. The documents are
`schemas/index-*.v1.schema.json`. All of it follows from catalog and manifests, and can be made again from them.
A month is a shard; one that has become full is split by the next digit of the time of capture, its parts likewise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from impp_lambdas.core import keys
from impp_lambdas.core.results import reasons, remedies
from impp_lambdas.core.results.alert_text import shorten

VERSION = 1
STATES = ("published", "partial", "deferred", "quarantined", "gone", "failed")
"""States of assets that have an entry: those of an asset whose processing has ended."""
PROBLEMS = STATES[1:]

LABELS = 8
"""Labels of an entry."""
REASON = 500
"""Characters of a reason."""
NAMES, SPANS, LINES, PHRASES = 50, 12, 100, 4000
"""Most labels of an asset and spans of each, lines of text, and phrases: some five hours of speech."""
TEXT = 200
"""Characters of a name, line or phrase. The functions that write them read strangers' files; a shard is everybody's."""

MAX_ASSETS, MAX_WORDS = 1000, 20_000
"""Assets of a shard, and what was seen, read and said in them, beyond which it is split. Each write rewrites the shard,
and the first view of the gallery reads the newest: some 0.7 and 1 MB, 50 and 200 kB over the wire."""
DIGITS = {9: "0123", 10: "0123456789", 12: "012", 13: "0123456789", 15: "012345", 16: "0123456789"}
"""Digits that follow in `YYYY-MM-DDTHH:MM`, by the length of the time that ends with one."""

COST_NOTHING = ("deferred", "quarantined", "gone", "failed")
"""States of assets that no budget limits. A shard of one minute, which cannot be split, holds at most
:data:`MAX_ASSETS` of them: whoever may upload as one device could otherwise fill the minutes of another's footage until
nothing could be written there. The catalog has them all."""

PEOPLE = frozenset({
    "Adult", "Baby", "Boy", "Child", "Crowd", "Face", "Female", "Girl", "Head", "Human", "Male", "Man", "Pedestrian",
    "People", "Person", "Woman",
})  # fmt: skip
"""Labels that mean a person, in Rekognition's spelling (its list of labels, category "Person Description")."""

Document = Mapping[str, Any]
Phrase = tuple[float, str]

_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d")


# --- what is in it ----------------------------------------------------------------------------------------------------


def captured_at(item: Document) -> str:
    """The time by which an asset of the catalog is found, in ISO 8601: of its capture, if that is a time."""
    texts = (str(item.get(name) or "") for name in ("captured_at", "created_at", "finished_at"))
    return next((text for text in texts if _TIME.match(text)), "1970-01-01T00:00:00Z")


def time_of(item: Document) -> str:
    """The same to the minute, `YYYY-MM-DDTHH:MM`: it decides in which shard the asset is."""
    return captured_at(item)[:16]


def place_of(item: Document) -> str | None:
    """The time under which the index has an asset, as the catalog's `indexed` notes it; None if it has not. Items from
    before months were split note the month alone."""
    indexed, time = item.get("indexed"), time_of(item)
    return time if indexed and time.startswith(indexed) else indexed


FIELDS = (
    "archive", "asset", "camera", "captured_at", "created_at", "detail", "device", "duration_s", "faces", "finished_at",
    "hold", "indexed", "key", "kind", "labels", "poster", "profile", "reason", "recording", "renditions", "size",
    "source", "state", "storyboard", "thumbnail", "usd",
)  # fmt: skip
"""Attributes of the catalog that an entry and its place follow from."""


def entry(item: Document) -> dict[str, Any]:
    """The entry of an asset, from its item of the catalog. What does not apply is left out."""
    archive, labels = item.get("archive") or {}, [str(label["name"]) for label in item.get("labels") or ()]
    state, key = str(item["state"]), str(item["key"])
    values = {
        "asset": item["asset"],
        "state": state,
        "reason": shorten(reasons.sentence(item.get("reason"), item.get("detail")), REASON),
        "todo": remedies.of(state, item.get("reason")),
        "captured_at": captured_at(item),
        **{name: item.get(name) for name in ("duration_s", "kind", "source", "device", "camera", "recording")},
        "profile": (item.get("profile") or {}).get("name"),
        "name": key.rpartition("/")[2],
        "key": key,
        "bytes": item.get("size"),
        "class": archive.get("storage_class"),
        "why": str(archive.get("why") or "").partition(": over ")[0],
        "held_since": (item.get("hold") or {}).get("since"),
        "usd": round(float(item.get("usd") or 0), 6),
        "labels": labels[:LABELS],
        "people": bool(item.get("faces")) or not PEOPLE.isdisjoint(labels),
        "poster": item.get("poster"),
        "thumbnail": item.get("thumbnail"),
        "storyboard": _storyboard(item.get("storyboard")),
        "preview": _preview(item.get("renditions") or ()),
    }
    return {name: value for name, value in values.items() if value}


def words(analysis: Document, phrases: Iterable[Phrase]) -> dict[str, list[Any]]:
    """What was seen, read and said in an asset, with seconds: `labels` as `[name, first, last]`, `text` as `[text,
    second]`, `speech` as `[second, phrase]`. `analysis` is Analyze's document. What there is none of is left out."""
    spans = (analysis.get("summary") or {}).get("spans", {}).get("labels", {})
    text: dict[str, float] = {}
    for frame in analysis.get("frames") or ():
        for finding in frame.get("text") or ():
            text.setdefault(_short(finding["text"]), _seconds(frame["t"]))
    by_kind = {
        "labels": [
            [_short(name), *map(_seconds, span)]
            for name, all_spans in islice(spans.items(), NAMES)
            for span in all_spans[:SPANS]
        ],
        "text": [[line, at] for line, at in islice(text.items(), LINES)],
        "speech": [[_seconds(start), _short(phrase)] for start, phrase in islice(phrases, PHRASES)],
    }
    return {name: values for name, values in by_kind.items() if values}


def words_of_manifest(manifest: Document) -> dict[str, Any]:
    """The same from an asset's manifest. One older than its `words` has first seconds only for labels."""
    if "words" in manifest:
        return dict(manifest["words"])
    analysis, transcript = manifest.get("analysis") or {}, manifest.get("transcript")
    known = {
        "labels": [[one["name"], one["first_s"], one["first_s"]] for one in analysis.get("labels") or ()],
        "text": [[line, 0.0] for line in analysis.get("text") or ()],
        "speech": [[0.0, transcript]] if transcript else [],
    }
    return {name: values for name, values in known.items() if values}


# --- shards -----------------------------------------------------------------------------------------------------------


def prefixes(time: str) -> list[str]:
    """The beginnings of a time that may name a shard: its month, and one digit more each."""
    return [time[:length] for length in (7, *DIGITS) if length <= len(time)]


def narrower(times: str) -> list[str]:
    """The shards into which that of `times` may be split."""
    length = next(length for length in DIGITS if length > len(times))
    separator = {9: "-", 12: "T", 15: ":"}.get(length, "")
    return [f"{times}{separator}{digit}" for digit in DIGITS[length]]


def shard(times: str, revision: int, entries: Iterable[Document]) -> dict[str, Any]:
    """A shard that holds assets, newest first. Its `revision` counts the writes."""
    common = {"version": VERSION, "month": times[:7], "times": times, "revision": revision}
    if len(times) == max(DIGITS):
        entries = _limited(entries)
    return {**common, "assets": sorted(entries, key=lambda one: (one["captured_at"], one["asset"]), reverse=True)}


def _limited(entries: Iterable[Document]) -> Iterator[Document]:
    """The entries without those that cost nothing beyond the first :data:`MAX_ASSETS`."""
    count = 0
    for one in entries:
        count += one["state"] in COST_NOTHING
        if one["state"] not in COST_NOTHING or count <= MAX_ASSETS:
            yield one


def with_entry(
    old: Document | None, times: str, asset: str, new: Document | None, *, has_new_words: bool = False
) -> dict[str, Any]:
    """A shard with an asset's entry, or without it (`None`).

    Without a change it is the shard itself, unless words of an asset that it has may have changed: readers of those
    look at the revision, too.
    """
    before = old or shard(times, 0, ())
    entries = [one for one in before["assets"] if one["asset"] != asset]
    after = shard(times, before["revision"] + 1, [*entries, new] if new else entries)
    kept = entry_of(after, asset)
    is_unchanged = entry_of(before, asset) == kept and not (kept and has_new_words)
    return dict(before) if is_unchanged and before["revision"] else after


def entry_of(shard: Document | None, asset: str) -> Document | None:
    """The entry of an asset in a shard."""
    return next((one for one in (shard or {}).get("assets", ()) if one["asset"] == asset), None)


def with_words(shard: Document | None, times: str, asset: str, new: Document | None) -> dict[str, Any]:
    """A shard's words with those of an asset, or without any (`None` or nothing)."""
    shard = shard or words_shard(times, {})
    others = {name: value for name, value in shard["assets"].items() if name != asset}
    return {**shard, "assets": {**others, asset: new} if new else others}


def words_shard(times: str, words: Mapping[str, Document]) -> dict[str, Any]:
    """What was seen and said in the assets of a shard."""
    return {"version": VERSION, "month": times[:7], "times": times, "assets": dict(words)}


def is_split(shard: Document | None) -> bool:
    """Whether a shard lists narrower ones instead of assets. That never changes back."""
    return "shards" in (shard or {})


def is_full(shard: Document, words: Document | None) -> bool:
    """Whether a shard is to be split."""
    if is_split(shard) or len(shard["assets"]) < 2 or len(_times(shard)) == max(DIGITS):
        return False
    spoken = (words or {}).get("assets", {}).values()
    return len(shard["assets"]) > MAX_ASSETS or sum(len(some) for one in spoken for some in one.values()) > MAX_WORDS


def parts(full: Document, words: Document | None) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The narrower shards that a shard is split into, with their words, by their times.

    They start with its revision, so that no two attempts at a split write the same of different assets.
    """
    by_asset = (words or {}).get("assets", {})
    split = {}
    for times in narrower(_times(full)):
        entries = [one for one in full["assets"] if one["captured_at"].startswith(times)]
        spoken = {one["asset"]: by_asset[one["asset"]] for one in entries if one["asset"] in by_asset}
        split[times] = (shard(times, full["revision"], entries), words_shard(times, spoken))
    return split


def as_split(shard: Document, rows: Iterable[Document]) -> dict[str, Any]:
    """What takes the place of a shard: the rows of its parts."""
    kept = {name: value for name, value in shard.items() if name != "assets"}
    return {**kept, "times": _times(shard), "revision": shard["revision"] + 1, "shards": _newest_first(rows)}


# --- lists of shards --------------------------------------------------------------------------------------------------


def row(shard: Document) -> dict[str, Any]:
    """The row of a shard in the list that names it. One that is split has no words of its own."""
    times = _times(shard)
    counts = {"month": shard["month"], "times": times, "path": keys.index_shard(times), "revision": shard["revision"]}
    if is_split(shard):
        sums = {name: sum(one[name] for one in shard["shards"]) for name in ("assets", "problems", "usd")}
        return {**counts, **sums, "usd": round(sums["usd"], 6)}
    entries: Sequence[Document] = shard["assets"]
    return {
        **counts,
        "words": keys.index_words(times),
        "assets": len(entries),
        "problems": sum(one["state"] in PROBLEMS for one in entries),
        "usd": round(sum(one.get("usd", 0.0) for one in entries), 6),
    }


def with_row(listed: Document | None, new: Document, now: str) -> dict[str, Any]:
    """A list of shards, of the months or a split one's, with the row of a shard, newest first.

    Writers may come in any order: a row of an older revision of its shard changes nothing. Without a change it is the
    list itself.
    """
    listed = listed or {"version": VERSION, "updated_at": now, "shards": []}
    before = next((one for one in listed["shards"] if one["path"] == new["path"]), None)
    if before and before["revision"] >= new["revision"]:
        return dict(listed)
    stamp = {"revision": listed["revision"] + 1} if "revision" in listed else {"updated_at": now}
    others = (one for one in listed["shards"] if one["path"] != new["path"])
    return {**listed, **stamp, "shards": _newest_first([*others, new])}


def _newest_first(rows: Iterable[Document]) -> list[Document]:
    return sorted(rows, key=lambda one: str(one["path"]), reverse=True)


def _times(shard: Document) -> str:
    return str(shard.get("times", shard["month"]))


def _preview(renditions: Sequence[Document]) -> str | None:
    """The smallest rendition that is one file, else the smallest of all."""
    files = [one for one in renditions if not str(one["key"]).endswith(".m3u8")] or renditions
    return str(min(files, key=lambda one: one.get("bytes") or 0)["key"]) if files else None


def _storyboard(image: str | None) -> dict[str, str] | None:
    return {"image": image, "vtt": f"{image.rpartition('.')[0]}.vtt"} if image else None


def _seconds(value: Any) -> float:
    seconds = float(value)
    return round(seconds, 2) if math.isfinite(seconds) else 0.0


def _short(text: Any) -> str:
    return str(text)[:TEXT]
