"""`impp show`: everything known about an asset."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.archive_account import INGEST, ArchiveAccount

from impp_lambdas.core.money import storage

A = "a" * 20
KEY = "originals/dashcam/blackvue/2026/10/17/20261017_081612_EF.mp4"
ITEM: dict[str, Any] = {
    "asset": A,
    "state": "partial",
    "reason": "transcribe: \x1b[31mit took longer than allowed",
    "bucket": INGEST,
    "key": KEY,
    "captured_at": "2026-10-17T08:16:12Z",
    "source": "dashcam",
    "recording": "event",
    "device": "blackvue",
    "camera": "front",
    "kind": "video",
    "duration_s": 6.5,
    "width": 1280,
    "height": 720,
    "fps": 25.0,
    "video_codec": "h264",
    "size": 60_000_000,
    "sha256": "b" * 64,
    "labels": [{"name": "Car", "confidence": 77.0, "first_s": 62.0, "count": 1}],
    "renditions": [{"name": "web", "key": f"assets/{A}/video-web.mp4", "width": 1280, "height": 720, "bytes": 683537}],
    "archive": {"storage_class": "GLACIER_IR", "tag": "glacier-ir", "why": "it may be needed: over 12 months $1"},
    "profile": {"name": "dashcam-event", "why": "it is an event of a dash cam"},
    "ledger": [
        {"service": "lambda", "item": "request", "quantity": 7, "unit": "request", "usd": 0.0000014},
        {"service": "rekognition", "item": "image_api", "quantity": 4, "unit": "image per API", "usd": 0.004},
    ],
    "usd": 0.0040014,
    "usd_quote": 0.0166,
    "transcript": "had nothing before us",
}


@pytest.fixture
def shown(archive: ArchiveAccount) -> ArchiveAccount:
    archive.put_original(KEY, b"footage")
    archive.put_item(f"ASSET#{A}", ITEM)
    return archive


def test_everything_is_shown_with_what_to_do(shown: ArchiveAccount) -> None:
    result = shown.impp("show", A)
    assert result.exit_code == 0, result.output
    for text in (
        "20261017_081612_EF.mp4",
        "partial",
        "it took longer than allowed",
        "Replay it for the missing results",
        "dashcam, blackvue, front, event",
        "video, 0:06, 1280x720, 25 frames/s, h264",
        "dashcam-event: it is an event of a dash cam",
        "Car (1:02)",
        "“had nothing before us”",
        f"web: 1280x720, 684 kB, assets/{A}/video-web.mp4",
        f"s3://{INGEST}/{KEY}",
        "7 B, in STANDARD",
        f"SHA-256 {'b' * 64}, as the uploader stated it",
        "GLACIER_IR: it may be needed: over 12 months $1",
        "Processing cost $0.0040, quoted at most $0.0166",
    ):
        assert text in result.output, text
    assert "\x1b[31m" not in result.output
    lines = result.output.splitlines()
    rekognition, request = (next(n for n, line in enumerate(lines) if name in line) for name in ("image_api", "lambda"))
    assert rekognition < request, "the dearest comes first"


def test_storage_classes_are_compared_over_years(shown: ArchiveAccount) -> None:
    document = json.loads(shown.impp("show", A, "--json").output)
    classes = {one["tag"]: one for one in document["outlook_usd"]}
    assert [tag for tag, one in classes.items() if one["is_chosen"]] == ["glacier-ir"]
    assert not classes["deep-archive"]["is_allowed"], "an event must be readable at once"
    expected = storage.outlook(60_000_000, storage.need_of("dashcam", "event"))
    assert classes["standard"]["usd"] == {str(years): usd for years, usd in expected["standard"].items()}
    allowed = [one["usd"]["3"] for one in document["outlook_usd"]]
    assert allowed == sorted(allowed)
    text = shown.impp("show", A).output
    (chosen,) = [line for line in text.splitlines() if line.startswith("* glacier-ir")]
    assert f"${expected['glacier-ir'][10]:.6f}" in chosen
    assert "✗ deep-archive" in text and "restored first" in text
    assert document["original"]["storage_class"] == "STANDARD" and document["todo"]


def test_a_profile_that_keeps_longer_and_a_hold_are_shown(shown: ArchiveAccount) -> None:
    item = {**ITEM, "keep_years": 7, "hold": {"since": "2026-11-29T12:00:00Z", "reason": "claim 17"}}
    shown.put_item(f"ASSET#{A}", item)
    kept = [one["usd"]["7"] for one in json.loads(shown.impp("show", A, "--json").output)["outlook_usd"]]
    assert kept == sorted(kept)
    text = shown.impp("show", A).output
    assert "7 years" in text and "since 2026-11-29T12:00:00Z: claim 17" in text and f"impp release {A}" in text


def test_an_asset_that_failed_early_has_little_to_show(archive: ArchiveAccount) -> None:
    early = {"asset": A, "state": "failed", "reason": "boom", "bucket": INGEST, "key": KEY, "captured_at": "2026-10-17"}
    archive.put_item(f"ASSET#{A}", early)
    result = archive.impp("show", A)
    assert result.exit_code == 0 and "no longer exists" in result.output and "Replay it" in result.output
    assert json.loads(archive.impp("show", A, "--json").output)["outlook_usd"] == []
