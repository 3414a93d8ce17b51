"""Render, Restore and Rendered against S3 and the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, TABLE, FakeContext
from tests.support.pipeline_account import DELIVERY, Account, Answer, pipeline_account

from impp_lambdas.adapters import aws, catalog, dynamo, s3, spending, task_tokens
from impp_lambdas.core import keys
from impp_lambdas.core.planning.on_request import Refused
from impp_lambdas.handlers import render, rendered, restore

pytestmark = pytest.mark.slow

KEY = "originals/dashcam/blackvue/2026/11/20/20261120_081500_NF.mp4"
RUN = "arn:aws:states:us-east-1:123456789012:execution:impp-test-render:"


@pytest.fixture(scope="module")
def clip() -> bytes:
    return synthetic.movie(synthetic.scenes(2, 1, size=(1280, 720)), options={"movflags": "faststart"})


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        yield opened


@pytest.fixture
def asset(account: Account, clip: bytes) -> str:
    """A published asset without renditions."""
    media = account.inspect(KEY, account.put(KEY, clip))
    facts = {**media["facts"]}
    values = {
        "asset": media["asset"],
        "state": "published",
        "bucket": media["bucket"],
        "key": media["key"],
        "version": media["version"],
        "size": facts.pop("bytes"),
        "renditions": [],
        "ledger": [],
        "usd": 0.0,
    }
    dynamo.update_item(TABLE, keys.catalog_asset(media["asset"]), {**facts, **values})
    manifest = {"asset": media["asset"], "renditions": [], "cost": {"usd": 0.0, "quote_usd": 0.0, "ledger": []}}
    s3.put_json(DELIVERY, keys.delivery(media["asset"], "manifest.json"), manifest)
    return str(media["asset"])


def ask(asset: str, *names: str, run: str = "1") -> Answer:
    return render.handler({"execution": RUN + run, "asset": asset, "renditions": names}, FakeContext())


def finish(order: Answer, run: str = "1") -> Answer:
    """What MediaConvert would write, and its end."""
    for rendition in order["renditions"]:
        boto3.client("s3").put_object(Bucket=DELIVERY, Key=rendition["key"], Body=bytes(5000))
    outputs = [{"duration_s": 2.0, "width": r["width"], "height": r["height"]} for r in order["renditions"]]
    event = {"execution": RUN + run, "order": order, "outputs": outputs, "usage": [], "retries": 0}
    return rendered.handler(event, FakeContext())


def test_a_rendition_is_quoted_made_and_listed_once(asset: str) -> None:
    spent_in = f"{datetime.now(UTC):%Y-%m}"
    before = spending.of_month(TABLE, spent_in)
    order = ask(asset, "web")
    assert order["verdict"] == "render" and order["archive"] is None
    assert [r["name"] for r in order["renditions"]] == ["web"]
    outputs = order["job_settings"]["OutputGroups"][0]["Outputs"]
    assert [output["NameModifier"] for output in outputs] == ["-web"]
    assert f"${order['usd']:.4f}" in order["alert"]["text"]
    claim = dynamo.get_item(TABLE, keys.catalog_render(asset, "web"))
    assert claim and claim["usd"] == pytest.approx(order["usd"]), "the price is in the catalog before the work"
    assert ask(asset, "web")["verdict"] == "render", "a retry of the same execution"
    assert ask(asset, "web", run="2") == {"verdict": "nothing", "reason": "another request is making them"}

    result = finish(order)
    assert 0 < result["usd"] <= order["usd"]
    finish(order)  # a retry adds nothing
    item = catalog.asset(TABLE, asset)
    assert item and [r["name"] for r in item["renditions"]] == ["web"]
    manifest = s3.get_json(DELIVERY, keys.delivery(asset, "manifest.json"))
    assert manifest["renditions"] == item["renditions"]
    month = s3.get_json(DELIVERY, keys.index_shard(str(item["captured_at"])[:7]))
    (entry,) = (one for one in month["assets"] if one["asset"] == asset)
    assert (entry["preview"], entry["usd"]) == (item["renditions"][0]["key"], pytest.approx(item["usd"], abs=1e-6))
    assert manifest["cost"]["usd"] == item["usd"] == pytest.approx(result["usd"], rel=0.05)
    assert dynamo.get_item(TABLE, keys.catalog_render(asset, "web")) is None
    assert ask(asset, "web", run="3")["reason"] == "it has web already"
    assert spending.of_month(TABLE, spent_in) - before == pytest.approx(item["usd"], rel=0.05)


def test_two_requests_add_their_renditions_to_each_other(asset: str) -> None:
    orders = [ask(asset, "web", run="1"), ask(asset, "mobile", run="2")]
    for number, order in enumerate(orders, 1):
        finish(order, str(number))
    manifest = s3.get_json(DELIVERY, keys.delivery(asset, "manifest.json"))
    assert sorted(r["name"] for r in manifest["renditions"]) == ["mobile", "web"]


def test_a_presentation_is_asked_for_by_one_name(asset: str) -> None:
    """Its tracks come together, with the captions that the asset has, and the manifest refers to the main playlist."""
    captions = keys.delivery(asset, "captions.vtt")
    dynamo.update_item(TABLE, keys.catalog_asset(asset), {"captions": captions, "language": "en-US"})
    order = ask(asset, "hls", "web")
    names = ["web", "hls-720", "hls-480"]
    assert [r["name"] for r in order["renditions"]] == names
    assert {r["engine"] for r in order["renditions"]} == {"mediaconvert"}
    kinds = [group["OutputGroupSettings"]["Type"] for group in order["job_settings"]["OutputGroups"]]
    assert kinds == ["FILE_GROUP_SETTINGS", "CMAF_GROUP_SETTINGS"]
    assert ask(asset, "hls", run="2") == {"verdict": "nothing", "reason": "another request is making them"}
    main = keys.delivery(asset, "hls/hls.m3u8")
    variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhls-720.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhls-480.m3u8\n"
    boto3.client("s3").put_object(Bucket=DELIVERY, Key=main, Body=variants.encode())
    finish(order)
    manifest = s3.get_json(DELIVERY, keys.delivery(asset, "manifest.json"))
    assert ([r["name"] for r in manifest["renditions"]], manifest["hls"]) == (names, main)
    assert boto3.client("s3").get_object(Bucket=DELIVERY, Key=main)["Body"].read().count(b'SUBTITLES="captions"') == 2
    assert dynamo.get_item(TABLE, keys.catalog_render(asset, "hls")) is None
    assert ask(asset, "hls", run="3")["reason"] == "it has hls already"


@pytest.mark.parametrize(
    ("change", "names", "why"),
    [
        ({}, ["cinema"], "cinema: not a rendition of this video"),
        ({"state": "quarantined"}, ["web"], "the asset is quarantined"),
        ({"key": "originals/phone/a/2026/11/20/a b.mp4"}, ["web"], "MediaConvert may not read the name"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_reason(
    asset: str, change: dict[str, Any], names: list[str], why: str
) -> None:
    if change:
        dynamo.update_item(TABLE, keys.catalog_asset(asset), change)
    with pytest.raises(Refused, match=why):
        ask(asset, *names)
    with pytest.raises(Refused, match="no such asset"):
        ask("0" * 20, "web")
    with pytest.raises(Refused, match="not the id"):
        ask("../x", "web")


def test_a_request_over_the_limit_is_refused(asset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPP_MAX_USD_PER_ASSET", "0.0001")
    with pytest.raises(Refused, match="over_asset_limit"):
        ask(asset, "web")


def archived(monkeypatch: pytest.MonkeyPatch, state: dict[str, str]) -> list[dict[str, Any]]:
    """Make S3 say so of the original; returns the requests to restore it."""
    requests: list[dict[str, Any]] = []
    head = aws.client("s3").head_object
    monkeypatch.setattr(aws.client("s3"), "head_object", lambda **request: head(**request) | state)
    monkeypatch.setattr(aws.client("s3"), "restore_object", lambda **request: requests.append(request))
    return requests


def test_an_archived_original_is_restored_once_for_all_that_wait(asset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[str] = []
    monkeypatch.setattr(task_tokens, "succeed", lambda token, _: answered.append(token) or True)
    state = {"StorageClass": "DEEP_ARCHIVE"}
    requests = archived(monkeypatch, state)
    order = ask(asset, "web")
    assert order["archive"] == "DEEP_ARCHIVE" and "restored from DEEP_ARCHIVE" in order["alert"]["text"]
    assert any(line["item"] == "retrieval_deep_archive_standard" for line in order["quote"])
    for token in ("first", "second"):
        assert restore.handler({"token": token, "original": order["original"]}, FakeContext()) == {"restoring": True}
    assert requests[0]["VersionId"] == order["original"]["version"] and not answered
    with pytest.raises(restore.NotRestored):
        restore.handler({"original": order["original"]}, FakeContext())
    original = order["original"]
    stored = {"key": original["key"], "version-id": original["version"]}
    event = {"detail-type": "Object Restore Completed", "detail": {"bucket": {"name": INGEST}, "object": stored}}
    assert restore.handler(event, FakeContext()) == {"answered": 2}
    assert sorted(answered) == ["first", "second"]
    assert restore.handler(event, FakeContext()) == {"answered": 0}
    state["Restore"] = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'
    restore.handler({"token": "late", "original": original}, FakeContext())
    assert answered[-1] == "late"
    assert any(line["item"] == "retrieval_deep_archive_standard" for line in _spent(order, asset))


def _spent(order: Answer, asset: str) -> list[dict[str, Any]]:
    finish(order)
    item = catalog.asset(TABLE, asset)
    assert item
    lines: list[dict[str, Any]] = item["ledger"]
    return lines


def test_a_request_that_failed_can_be_repeated(asset: str, account: Account) -> None:
    order = ask(asset, "web")
    assert order["verdict"] == "render"
    request = {"detail": {"asset": asset, "renditions": ["web"]}}
    detail = {"executionArn": RUN + "1", "status": "FAILED", "input": json.dumps(request), "cause": "Transcode: codec"}
    rendered.handler({"detail": detail}, FakeContext())
    assert ask(asset, "web", run="2")["verdict"] == "render"
