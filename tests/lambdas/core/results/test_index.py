"""The index's documents: entries, words, and the order in which writers may come."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.paths import REPOSITORY

from impp_lambdas.core.results import index

ASSET = "28665debcb1b7fd72340"
NOW = "2026-11-29T12:00:00Z"


def validate(name: str, document: Any) -> None:
    schema = json.loads((REPOSITORY / "schemas" / f"index-{name}.v1.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)


def item(asset: str = ASSET, **changes: Any) -> dict[str, Any]:
    """An item of the catalog."""
    return {
        "asset": asset,
        "state": "published",
        "reason": None,
        "key": "originals/dashcam/blackvue/2026/10/17/20261017_081612_EF.mp4",
        "captured_at": "2026-10-17T08:16:12Z",
        "kind": "video",
        "duration_s": 6.0,
        "source": "dashcam",
        "device": "blackvue",
        "camera": "front",
        "recording": "event",
        "size": 564573,
        "profile": {"name": "dashcam-event", "why": "it is an event of a dash cam"},
        "labels": [{"name": name, "confidence": 90.0, "first_s": 0.0, "count": 1} for name in "ABCDEFGHIJ"],
        "faces": 0,
        "archive": {"storage_class": "GLACIER_IR", "tag": "glacier-ir", "why": "it may be needed: over 12 months $1"},
        "usd": 0.00868322718,
        "poster": f"assets/{asset}/poster.jpg",
        "storyboard": f"assets/{asset}/storyboard.jpg",
        "renditions": [
            {"name": "web", "key": f"assets/{asset}/video-web.mp4", "bytes": 900},
            {"name": "mobile", "key": f"assets/{asset}/video-mobile.mp4", "bytes": 500},
            {"name": "hls", "key": f"assets/{asset}/hls/main.m3u8", "bytes": 100},
        ],
        **changes,
    }


def test_an_entry_says_what_a_list_needs() -> None:
    assert index.entry(item()) == {
        "asset": ASSET,
        "state": "published",
        "captured_at": "2026-10-17T08:16:12Z",
        "kind": "video",
        "duration_s": 6.0,
        "source": "dashcam",
        "device": "blackvue",
        "camera": "front",
        "recording": "event",
        "profile": "dashcam-event",
        "name": "20261017_081612_EF.mp4",
        "key": "originals/dashcam/blackvue/2026/10/17/20261017_081612_EF.mp4",
        "bytes": 564573,
        "class": "GLACIER_IR",
        "why": "it may be needed",
        "usd": 0.008683,
        "labels": list("ABCDEFGH"),
        "poster": f"assets/{ASSET}/poster.jpg",
        "storyboard": {"image": f"assets/{ASSET}/storyboard.jpg", "vtt": f"assets/{ASSET}/storyboard.vtt"},
        "preview": f"assets/{ASSET}/video-mobile.mp4",
    }


@pytest.mark.parametrize(
    ("changes", "is_seen"),
    [({}, False), ({"faces": 1}, True), ({"labels": [{"name": "Pedestrian"}]}, True), ({"labels": None}, False)],
)
def test_people_are_a_face_or_a_label_that_means_a_person(changes: dict[str, Any], is_seen: bool) -> None:
    assert index.entry(item(**changes)).get("people", False) is is_seen


def test_a_problem_says_why_and_what_to_do() -> None:
    bare = {"asset": ASSET, "state": "quarantined", "key": "originals/x.mp4", "captured_at": "2026-10-17T08:16:12Z"}
    entry = index.entry({**bare, "reason": "truncated", "detail": "the moov box is missing"})
    assert entry["reason"].startswith("The file is incomplete") and "the moov box is missing" in entry["reason"]
    assert entry["todo"].startswith("Upload a better copy")
    assert "class STANDARD" in index.entry({**bare, "reason": "archived"})["todo"]
    assert set(entry) == {"asset", "state", "key", "captured_at", "name", "reason", "todo"}
    long = index.entry({**bare, "state": "failed", "reason": "x" * 5000})
    assert len(long["reason"]) <= index.REASON and "Replay" in long["todo"]


def test_an_asset_without_a_rendition_in_one_file_previews_its_playlist() -> None:
    playlist = {"name": "hls", "key": f"assets/{ASSET}/hls/main.m3u8", "bytes": 100}
    assert index.entry(item(renditions=[playlist]))["preview"] == playlist["key"]


@pytest.mark.parametrize(
    ("changes", "time"),
    [
        ({}, "2026-10-17T08:16"),
        ({"captured_at": "2026-13-01T00:00:00Z", "created_at": "2026-11-28T16:43:43.169Z"}, "2026-11-28T16:43"),
        ({"captured_at": "../../../etc", "created_at": None}, "1970-01-01T00:00"),
    ],
)
def test_the_time_is_that_of_capture_and_always_a_time(changes: dict[str, Any], time: str) -> None:
    assert index.time_of(item(**changes)) == time


@pytest.mark.parametrize(
    ("indexed", "place"),
    [
        (None, None),
        ("2026-10-17T08:16", "2026-10-17T08:16"),
        ("2026-10", "2026-10-17T08:16"),
        ("2026-09-01T00:00", "2026-09-01T00:00"),
    ],
)
def test_the_catalog_says_where_the_entry_is(indexed: str | None, place: str | None) -> None:
    assert index.place_of(item(indexed=indexed)) == place


def test_words_have_their_seconds() -> None:
    analysis = {
        "frames": [{"t": 0.0, "text": [{"text": "STOP"}]}, {"t": 1.2345, "text": [{"text": "STOP"}, {"text": "7 km"}]}],
        "summary": {"spans": {"labels": {"Car": [[0.0, 1.2345], [9.0, 9.0]]}, "moderation": {"Gore": [[1.0, 1.0]]}}},
    }
    assert index.words(analysis, [(3.0004, "hello <there>")]) == {
        "labels": [["Car", 0.0, 1.23], ["Car", 9.0, 9.0]],
        "text": [["STOP", 0.0], ["7 km", 1.23]],
        "speech": [[3.0, "hello <there>"]],
    }
    assert index.words({}, []) == {}


def test_words_of_an_endless_recording_are_bounded() -> None:
    frames = [{"t": float(t), "text": [{"text": str(t)}]} for t in range(1000)]
    spans = {"Car": [[float(t), float(t)] for t in range(1000)]}
    words = index.words(
        {"frames": frames, "summary": {"spans": {"labels": spans}}}, ((float(t), "so") for t in range(9000))
    )
    counts = {name: len(values) for name, values in words.items()}
    assert counts == {"labels": index.SPANS, "text": index.LINES, "speech": index.PHRASES}


def test_words_of_a_document_that_a_hostile_file_has_written_fit_into_a_shard() -> None:
    """A function that reads strangers' files writes the analysis; a shard is everybody's."""
    nan, inf, long = float("nan"), float("inf"), "x" * 10_000_000
    analysis = {
        "frames": [{"t": nan, "text": [{"text": "a"}]}, {"t": "1", "text": [{"text": long}]}],
        "summary": {"spans": {"labels": {long: [[0, inf]], **{str(n): [[n, n]] for n in range(10_000)}}}},
    }
    words = index.words(analysis, [(nan, "b"), (2.0, long)])
    assert words["text"] == [["a", 0.0], ["x" * index.TEXT, 1.0]]
    assert words["speech"] == [[0.0, "b"], [2.0, "x" * index.TEXT]]
    assert words["labels"][0] == ["x" * index.TEXT, 0.0, 0.0] and len(words["labels"]) == index.NAMES
    validate("words", index.words_shard("2026-10", {ASSET: words}))


ids = st.sampled_from([f"{n:020x}" for n in range(6)])
days = st.integers(1, 28)


@given(st.lists(st.tuples(ids, st.none() | st.tuples(days, st.sampled_from(index.STATES)))))
def test_a_month_holds_the_last_entry_of_each_asset_newest_first(
    writes: list[tuple[str, tuple[int, str] | None]],
) -> None:
    shard: dict[str, Any] | None = None
    expected: dict[str, Any] = {}
    for asset, values in writes:
        before = shard
        entry = (
            index.entry(item(asset, captured_at=f"2026-10-{values[0]:02}T00:00:00Z", state=values[1]))
            if values
            else None
        )
        shard = index.with_entry(shard, "2026-10", asset, entry)
        assert before is None or shard["revision"] - before["revision"] == (shard["assets"] != before["assets"])
        expected.pop(asset, None)
        expected |= {asset: entry} if entry else {}
    if shard is None:
        return
    validate("month", shard)
    assert {one["asset"]: one for one in shard["assets"]} == expected
    times = [one["captured_at"] for one in shard["assets"]]
    assert times == sorted(times, reverse=True)
    row = index.row(shard)
    assert row["problems"] == sum(one["state"] != "published" for one in expected.values())
    assert row["usd"] == pytest.approx(sum(one["usd"] for one in expected.values()))
    validate("shards", index.with_row(None, row, NOW))


@given(st.permutations([(month, revision) for month in ("2026-09", "2026-10") for revision in (1, 2, 3)]))
def test_rows_of_the_months_are_those_of_the_newest_revision_in_whatever_order_writers_come(
    arrivals: list[tuple[str, int]],
) -> None:
    listed = None
    for month, revision in arrivals:
        row = index.row({"month": month, "revision": revision, "assets": [{"state": "published"}] * revision})
        listed = index.with_row(listed, row, NOW)
    assert listed is not None
    assert [(one["month"], one["assets"]) for one in listed["shards"]] == [("2026-10", 3), ("2026-09", 3)]


def test_words_of_a_month_are_replaced_and_removed() -> None:
    shard = index.with_words(None, "2026-10", ASSET, {"text": [["STOP", 0.0]]})
    validate("words", shard)
    assert shard["assets"] == {ASSET: {"text": [["STOP", 0.0]]}}
    for nothing in (None, {}):
        assert index.with_words(shard, "2026-10", ASSET, nothing)["assets"] == {}
    assert index.with_words(shard, "2026-10", "0" * 20, None) == shard
