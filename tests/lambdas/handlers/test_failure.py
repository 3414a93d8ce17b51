"""Failure against S3, SNS and the catalog: one alert per failure, the asset marked, the claim released."""

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
from tests.support.pipeline_account import EXECUTION, Account, pipeline_account

from impp_lambdas.adapters import aws, dynamo
from impp_lambdas.core import keys
from impp_lambdas.handlers import failure

KEY = "originals/phone/pixel/2026/11/20/PXL_20261120_081500123.mp4"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        yield opened


@pytest.fixture
def alerts(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Alerts published to the topic."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": "true"}
    boto3.client("sns").subscribe(TopicArn=account.topic, Protocol="sqs", Endpoint=arn, Attributes=raw)

    class Received(list[dict[str, Any]]):
        def __len__(self) -> int:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                self.append(json.loads(message["Body"]))
            return super().__len__()

    return Received()


def fail(
    monkeypatch: pytest.MonkeyPatch, version: str, status: str = "FAILED", execution: str = EXECUTION, **more: Any
) -> dict[str, Any]:
    """Make an execution a failed one; returns EventBridge's event."""
    execution_input = {"detail": {"bucket": {"name": INGEST}, "object": {"key": KEY, "version-id": version}}}
    description = {
        "executionArn": execution,
        "status": status,
        "input": json.dumps(execution_input),
        "startDate": datetime(2026, 11, 22, 10, tzinfo=UTC),
        **more,
    }
    monkeypatch.setattr(aws.client("stepfunctions"), "describe_execution", lambda executionArn: description)
    return {"detail": {"executionArn": execution, "status": status}}


def claim(version: str) -> dict[str, Any]:
    item = dynamo.get_item(TABLE, keys.catalog_claim(INGEST, KEY, version))
    assert item
    return item


def test_a_failure_after_inspect_marks_the_asset(
    account: Account, alerts: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = account.put(KEY, synthetic.movie(synthetic.scenes(1, 1)), tags="mine=kept")
    asset = account.inspect(KEY, version)["asset"]
    event = fail(monkeypatch, version, error="ValueError", cause='Publish: {"errorMessage": "boom"}')
    assert failure.handler(event, FakeContext()) == {"handled": True, "asset": asset}
    item = account.asset(asset)
    assert (item["state"], item["execution"]) == ("failed", EXECUTION)
    assert "Publish" in item["reason"]
    entry = account.entry(asset)
    assert (entry["state"], entry["captured_at"]) == ("failed", item["captured_at"]) and "Publish" in entry["reason"]
    assert claim(version)["released"] is True
    assert len(alerts) == 1
    assert (alerts[0]["kind"], alerts[0]["severity"], alerts[0]["asset"]) == ("failed", "critical", asset)
    tags = boto3.client("s3").get_object_tagging(Bucket=INGEST, Key=KEY)["TagSet"]
    assert {t["Key"]: t["Value"] for t in tags} == {"mine": "kept", "impp:state": "failed"}
    assert failure.handler(event, FakeContext())["handled"] is False
    assert len(alerts) == 1, "a repeated event sends no second alert"


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_a_failure_before_inspect_marks_the_asset_too(
    account: Account, alerts: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    version = account.put(KEY, b"x", sha256="ab" * 32)
    account.claim(KEY, version)
    out = failure.handler(fail(monkeypatch, version, status), FakeContext())
    assert out["asset"] == "ab" * 10, "the id that Inspect would have chosen, which a replay uses"
    assert account.asset(out["asset"])["state"] == account.entry(out["asset"])["state"] == "failed"
    assert claim(version)["released"] is True
    assert len(alerts) == 1
    causes = {"TIMED_OUT": "the execution took longer than a day", "ABORTED": "somebody stopped the execution"}
    assert alerts[0]["text"].startswith(causes[status])


def test_a_quarantined_execution_is_not_a_failure(
    account: Account, alerts: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = account.put(KEY, b"x")
    account.claim(KEY, version)
    out = failure.handler(fail(monkeypatch, version, error="Quarantined", cause="empty: no bytes"), FakeContext())
    assert out["handled"] is False
    assert len(alerts) == 0
    assert "released" not in claim(version)


@pytest.mark.parametrize("values", [{"state": "published"}, {"state": "processing", "execution": "another"}])
def test_a_final_state_and_another_executions_asset_are_preserved(
    account: Account, alerts: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> None:
    version = account.put(KEY, synthetic.movie(synthetic.scenes(1, 1)))
    asset = account.inspect(KEY, version)["asset"]
    dynamo.update_item(TABLE, keys.catalog_asset(asset), values)
    failure.handler(fail(monkeypatch, version, error="SNS.AuthorizationError", cause="Notify: no"), FakeContext())
    assert account.asset(asset)["state"] == values["state"]
    assert len(alerts) == 1


def test_a_deleted_original_and_an_execution_started_by_hand(
    account: Account, alerts: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = account.put(KEY, b"x")
    account.claim(KEY, version)
    boto3.client("s3").delete_object(Bucket=INGEST, Key=KEY, VersionId=version)
    assert failure.handler(fail(monkeypatch, version), FakeContext())["handled"] is True
    by_hand = fail(monkeypatch, version, input="{}", execution=EXECUTION + "-hand")
    assert failure.handler(by_hand, FakeContext()) == {"handled": True, "asset": None}
    assert len(alerts) == 2
