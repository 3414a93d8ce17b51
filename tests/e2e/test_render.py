"""A rendition on request, of an original that lifecycle rules have archived meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.system import System

from impp_lambdas.core.keys import catalog_asset, delivery
from impp_local.kernel import moto, objects

pytestmark = pytest.mark.slow

NAME = "web"


@pytest.fixture(scope="module")
def archived(system: System, media: dict[str, Path]) -> str:
    """A published asset without the rendition, whose original is in Deep Archive."""
    path = media["vfr"].with_name("on-request.mp4")
    path.write_bytes(media["vfr"].read_bytes() + b"\0" * 24)
    key = "originals/phone/tests/2026/11/23/on-request.mp4"
    asset = system.upload(path, key)
    system.wait_until_idle()
    item = system.asset(asset)
    system.client("dynamodb").update_item(
        TableName=system.outputs["catalog_table"],
        Key={"pk": {"S": catalog_asset(asset)}},
        UpdateExpression="SET #r = :none",
        ExpressionAttributeNames={"#r": "renditions"},
        ExpressionAttributeValues={":none": {"L": []}},
    )
    with moto.lock_of("s3"):
        objects.backend().get_object(item["bucket"], key, version_id=item["version"])._storage_class = "DEEP_ARCHIVE"
    return asset


def request(system: System, asset: str, *names: str) -> None:
    entry = {
        "Source": system.outputs["catalog_table"].removesuffix("-catalog"),
        "DetailType": "Render requested",
        "Detail": json.dumps({"asset": asset, "renditions": names}),
    }
    for _ in range(2):  # EventBridge delivers at least once
        assert system.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    system.wait_until_idle()


def runs(system: System) -> list[dict[str, Any]]:
    machine = system.outputs["state_machine_arn"].replace("-pipeline", "-render")
    listed = system.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [system.client("stepfunctions").describe_execution(executionArn=entry["executionArn"]) for entry in listed]


def test_it_is_restored_made_once_and_paid_for(system: System, archived: str) -> None:
    before = len(runs(system))
    usd = system.asset(archived)["usd"]
    request(system, archived, NAME)
    ended = runs(system)[: 2 if before == 0 else -before]
    assert [(run["status"], run.get("cause")) for run in ended] == [("SUCCEEDED", None)] * 2
    outputs = [json.loads(run["output"]) for run in ended]
    assert sum("usd" in output for output in outputs) == 1, "the second event finds that it is being made"
    item = system.asset(archived)
    assert [r["name"] for r in item["renditions"]] == [NAME]
    items = {line["item"]: line for line in item["ledger"]}
    assert items["retrieval_deep_archive_standard"]["quantity"] > 0
    assert item["usd"] > usd
    bucket = system.outputs["delivery_bucket"]
    body = system.client("s3").get_object(Bucket=bucket, Key=delivery(archived, "manifest.json"))["Body"].read()
    manifest = json.loads(body)
    assert [r["name"] for r in manifest["renditions"]] == [NAME]
    assert manifest["cost"]["usd"] == pytest.approx(item["usd"])
    titles = [json.dumps(alert) for alert in system.alerts(archived)]
    assert sum("Rendition requested" in title for title in titles) == 1
    assert sum("Rendition ready" in title for title in titles) == 1


def test_what_cannot_be_made_alerts_with_its_reason(system: System, archived: str) -> None:
    request(system, archived, "cinema")
    (newest, *_) = runs(system)
    assert (newest["status"], newest["error"]) == ("FAILED", "Refused")
    assert any("Rendition not made" in json.dumps(alert) for alert in system.alerts(archived))
