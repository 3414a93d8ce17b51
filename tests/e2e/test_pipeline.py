"""The sample card, uploaded by the edge script, through the whole pipeline: every contract is checked at its end."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import jsonschema
import pytest
import requests
from tests.support.paths import REPOSITORY
from tests.support.system import System

from impp_lambdas.core.keys import asset_id, delivery
from impp_local.demo.sample_card import make_sample_card

pytestmark = pytest.mark.slow

KEY = re.compile(r"originals/(dashcam|phone|creator)/[a-z0-9-]+/\d{4}/\d{2}/\d{2}/[^/]+")


@dataclass
class Card:
    """A card's files, the edge's configuration for it, and its uploaded originals by file name."""

    folder: Path
    expected: dict[str, str]
    config: Path
    originals: dict[str, dict[str, Any]]

    def sync(self, system: System) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
            "AWS_ENDPOINT_URL": system.cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "PYTHONPATH": str(REPOSITORY / "edge"),
        }
        command = [sys.executable, "-m", "impp_edge", "sync", "--config", str(self.config)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def card(system: System, tmp_path_factory: pytest.TempPathFactory) -> Card:
    home = tmp_path_factory.mktemp("home")
    folder = home / "card"
    entries = make_sample_card(folder)
    config = home / "edge.toml"
    config.write_text(
        f"""
        bucket = "{system.outputs["ingest_bucket"]}"
        state = "{home / "memory"}"
        settle_s = 0
        truncated_after_s = 0

        [[folder]]
        path = "{folder}"
        """
    )
    card = Card(folder, {entry.path.name: entry.expect for entry in entries}, config, {})
    run = card.sync(system)
    assert run.returncode == 0, run.stdout + run.stderr
    system.wait_until_idle()
    client, bucket = system.client("s3"), system.outputs["ingest_bucket"]
    for listed in client.list_objects_v2(Bucket=bucket, Prefix="originals/")["Contents"]:
        head = client.head_object(Bucket=bucket, Key=listed["Key"], ChecksumMode="ENABLED")
        if "impp-edge-version" in head["Metadata"]:
            card.originals[listed["Key"].rsplit("/", 1)[-1]] = {**head, "Key": listed["Key"]}
    return card


def published(system: System, card: Card) -> list[dict[str, Any]]:
    return [item for item in everything(system, card) if item["state"] == "published"]


def everything(system: System, card: Card) -> list[dict[str, Any]]:
    return [system.asset(head["Metadata"]["impp-sha256"][:20]) for head in card.originals.values()]


def test_every_file_of_the_card_finishes_as_expected(system: System, card: Card) -> None:
    ended = {item["key"].rsplit("/", 1)[-1]: item["state"] for item in everything(system, card)}
    assert ended == card.expected


def test_originals_carry_key_tags_metadata_and_checksum(system: System, card: Card) -> None:
    for name, head in card.originals.items():
        assert KEY.fullmatch(head["Key"]), name
        metadata = head["Metadata"]
        assert metadata["impp-crc64nvme"] == head["ChecksumCRC64NVME"]
        assert head["ChecksumType"] == "FULL_OBJECT"
        assert len(base64.b64decode(head["ChecksumCRC64NVME"])) == 8
        tags = system.tags(head["Key"])
        assert tags["impp:checksum"] == metadata["impp-sha256"]
        assert tags["impp:source"] == metadata["impp-source"] == head["Key"].split("/")[1]
        assert datetime.fromisoformat(tags["impp:timestamp"]).tzinfo is not None
        assert tags["impp:state"] == card.expected[name]


def test_a_second_sync_sends_nothing(system: System, card: Card) -> None:
    before = system.page("bill")
    run = card.sync(system)
    system.wait_until_idle()
    assert run.returncode == 0, run.stdout + run.stderr
    assert system.page("bill")["usd"] == pytest.approx(before["usd"], abs=1e-9)


def test_manifests_validate_and_their_renditions_can_be_downloaded(system: System, card: Card) -> None:
    schema = json.loads((REPOSITORY / "schemas" / "manifest.v1.schema.json").read_text())
    for item in published(system, card):
        answer = system.deliver(delivery(item["asset"], "manifest.json"))
        manifest = answer.json()
        jsonschema.validate(manifest, schema, format_checker=jsonschema.FormatChecker())
        assert manifest["asset"] == item["asset"]
        for rendition in item["renditions"]:
            assert system.deliver(rendition["key"], Range="bytes=0-9").status_code == 206


def test_renditions_play(system: System, card: Card, tmp_path: Path) -> None:
    for item in published(system, card):
        for rendition in item["renditions"]:
            path = tmp_path / "rendition.mp4"
            path.write_bytes(system.deliver(rendition["key"]).content)
            with av.open(str(path)) as container:
                video = container.streams.video[0]
                assert (video.codec_context.name, video.width, video.height) == (
                    "h264",
                    rendition["width"],
                    rendition["height"],
                )
                frames = sum(1 for _ in container.decode(video))
                assert frames / float(video.average_rate) == pytest.approx(item["duration_s"], abs=0.5)
                assert min(video.width, video.height) <= min(item["width"], item["height"])
                assert bool(container.streams.audio) == item["has_audio"]


def test_portrait_stays_portrait(system: System, card: Card) -> None:
    portrait = [item for item in published(system, card) if item["rotation"] in (90, 270)]
    assert portrait
    for item in portrait:
        assert item["height"] > item["width"]
        assert all(rendition["height"] > rendition["width"] for rendition in item["renditions"])


def test_objects_and_speech_are_detected(system: System, card: Card) -> None:
    items = published(system, card)
    labels = {label["name"] for item in items for label in item["labels"]}
    assert {"Person", "Bicycle"} <= labels
    transcripts = " ".join(item.get("transcript") or "" for item in items).lower()
    assert "it was the best of times" in transcripts
    assert all(item["branches"]["transcribe"]["status"] == "skipped" for item in items if not item["has_audio"])


def test_cloudfront_serves_signed_requests_only_and_buckets_none(system: System, card: Card) -> None:
    poster = published(system, card)[0]["poster"]
    served = system.deliver(poster)
    assert served.status_code == 200
    assert served.headers["Content-Type"] == "image/jpeg"
    assert served.headers["Strict-Transport-Security"]
    assert system.deliver(poster, signed=False).status_code == 403
    for bucket, key in ((system.outputs["delivery_bucket"], poster), (system.outputs["work_bucket"], "work/")):
        assert requests.get(f"{system.cloud.endpoint}/{bucket}/{key}", timeout=30).status_code == 403


def test_the_ledger_equals_the_bill(system: System, card: Card) -> None:
    """What the pipeline says an asset cost is what was metered for it, service by service, within rounding."""
    billed: dict[tuple[str, str], float] = {}
    for line in system.page("bill")["lines"]:
        if asset := line.get("asset"):
            billed[asset, line["service"]] = billed.get((asset, line["service"]), 0) + line["usd"]
    for item in everything(system, card):
        if item["state"] != "published":
            continue
        for service in ("rekognition", "transcribe", "mediaconvert", "states"):
            ledger = sum(line["usd"] for line in item["ledger"] if line["service"] == service)
            assert ledger == pytest.approx(billed.get((item["asset"], service), 0), abs=1e-6), (item["key"], service)
        assert item["usd"] == pytest.approx(sum(line["usd"] for line in item["ledger"]), rel=1e-6)
        assert item["usd"] <= 1.05 * item["usd_quote"]  # a ceiling, but for a slow machine's Lambda seconds


def test_the_archive_decision_is_tagged_with_its_reason(system: System, card: Card) -> None:
    for item in published(system, card):
        assert system.tags(item["key"])["impp:archive"] == item["archive"]["tag"]
        assert item["archive"]["why"]


def test_each_asset_sends_one_alert(system: System, card: Card) -> None:
    for item in everything(system, card):
        assert len(system.alerts(item["asset"])) == 1, item["key"]
    assert any(path == "/discord" for path, _ in system.chat.posts)


def test_equal_content_under_another_name_is_the_same_asset(system: System, card: Card) -> None:
    name, head = next((n, h) for n, h in card.originals.items() if card.expected[n] == "published")
    path = next(card.folder.rglob(name))
    key = "originals/phone/copies/2026/11/22/copy.mp4"
    copy = system.upload(path, key, Metadata={"impp-sha256": head["Metadata"]["impp-sha256"]})
    system.wait_until_idle()
    assert copy == asset_id("", "", "", head["Metadata"]["impp-sha256"])
    (execution,) = system.executions(key)
    assert execution["status"] == "SUCCEEDED"
    assert "Sample" not in system.states_entered(execution)
    assert system.asset(copy)["key"] == head["Key"]


def test_the_daily_cost_report_reaches_the_chat(system: System, card: Card) -> None:
    (schedule,) = [s for s in system.page("schedules")["schedules"] if "cost" in s["name"]]
    requests.post(f"{system.cloud.endpoint}/_impp/schedules/{schedule['name']}/run", timeout=60).raise_for_status()
    system.wait_until_idle()
    assert any("cost" in json.dumps(body).lower() for path, body in system.chat.posts if path == "/slack")


def test_an_aborted_execution_is_recorded_and_alerts(system: System, media: dict[str, Path]) -> None:
    """The failure function hears of the end of any execution."""
    key = "originals/phone/tests/2026/11/22/aborted.mp4"
    before = media["vfr"].read_bytes()
    path = media["vfr"].with_name("aborted.mp4")
    path.write_bytes(before + b"\0" * 8)
    asset = system.upload(path, key)
    (execution,) = _eventually(lambda: system.executions(key))
    system.client("stepfunctions").stop_execution(executionArn=execution["executionArn"], cause="a test")
    system.wait_until_idle()
    assert len(system.alerts(asset)) == 1


def _eventually(look: Any, patience_s: float = 30) -> Any:
    import time

    deadline = time.monotonic() + patience_s
    while not (result := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return result
