"""The daily cost report: one alert, also on the first of a month, over budget and without Cost Explorer's figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from tests.support.aws_fakes import TABLE, FakeContext, mocked_account

from impp_lambdas.adapters import aws, dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.money import costs
from impp_lambdas.handlers import cost_report

EVENT = {"time": "2026-11-22T06:00:00Z"}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with mocked_account(monkeypatch) as topic:
        sqs = boto3.client("sqs")
        url: str = sqs.create_queue(QueueName="seen")["QueueUrl"]
        boto3.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:seen",
            Attributes={"RawMessageDelivery": "true"},
        )  # fmt: skip
        yield url


@pytest.fixture
def explorer(queue: str) -> Iterator[Stubber]:
    with Stubber(aws.client("ce")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def day(start: str, **usd: float) -> dict[str, Any]:
    groups = [{"Keys": [s], "Metrics": {"UnblendedCost": {"Amount": str(v), "Unit": "USD"}}} for s, v in usd.items()]
    return {"TimePeriod": {"Start": start, "End": start}, "Groups": groups, "Total": {}, "Estimated": True}


def request(**more: Any) -> dict[str, Any]:
    return {
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-22"}, "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"], "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}], **more,
    }  # fmt: skip


def alert(queue: str) -> dict[str, Any]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert len(messages) == 1
    document: dict[str, Any] = json.loads(messages[0]["Body"])
    return document


def test_the_alert_has_bill_and_ledger_from_all_pages(
    monkeypatch: pytest.MonkeyPatch, queue: str, explorer: Stubber
) -> None:
    monkeypatch.setenv("IMPP_MONTHLY_BUDGET_USD", "20")
    monkeypatch.setenv("IMPP_COST_TAG", "project=impp")
    dynamo.put_item(TABLE, keys.catalog_spend("2026-11"), {"usd": 3.25})
    tagged = {"Filter": {"Tags": {"Key": "project", "Values": ["impp"], "MatchOptions": ["EQUALS"]}}}
    first = {"ResultsByTime": [day("2026-11-20", S3=1.5, Lambda=0.5)], "NextPageToken": "n"}
    explorer.add_response("get_cost_and_usage", first, request(**tagged))
    second = {"ResultsByTime": [day("2026-11-21", S3=2.0, Rekognition=0.75)]}
    explorer.add_response("get_cost_and_usage", second, request(**tagged, NextPageToken="n"))
    cost_report.handler(EVENT, FakeContext())
    got = alert(queue)
    assert (got["kind"], got["severity"], got["usd"]) == ("cost_report", "info", 4.75)
    assert got["title"] == "AWS cost 2026-11-21: $2.75, month $4.75"
    assert "  S3: $3.50" in got["text"] and "ledger, November: $3.25" in got["text"]
    assert "Within budget: 24%" in got["text"]


def test_without_cost_explorer_the_report_has_the_ledger(
    monkeypatch: pytest.MonkeyPatch, queue: str, explorer: Stubber
) -> None:
    monkeypatch.setenv("IMPP_MONTHLY_BUDGET_USD", "3")
    dynamo.put_item(TABLE, keys.catalog_spend("2026-11"), {"usd": 3.25})
    explorer.add_client_error("get_cost_and_usage", "DataUnavailableException")
    cost_report.handler(EVENT, FakeContext())
    got = alert(queue)
    assert got["severity"] == "critical" and got["usd"] == 3.25
    assert "no figures: DataUnavailableException" in got["text"] and "Over budget: 108%" in got["text"]


def test_on_the_first_the_report_covers_the_previous_month() -> None:
    first = date(2026, 12, 1)
    assert costs.period(first) == (date(2026, 11, 1), first)
    bill = costs.sum_bill([day("2026-11-30", S3=1.0), day("2026-11-29", S3=29.0)], first)
    assert dict(bill.yesterday) == {"S3": 1.0} and dict(bill.month) == {"S3": 30.0}
    assert costs.forecast(30.0, first) == 30.0


@pytest.mark.parametrize(
    ("spent", "budget", "severity"),
    [(5, 0, "info"), (5, 100, "info"), (60, 100, "warning"), (85, 100, "warning"), (100, 100, "critical")],
)
def test_severity_follows_spend_and_forecast(spent: float, budget: float, severity: str) -> None:
    bill = costs.Bill({}, {"S3": spent})
    assert costs.report(date(2026, 11, 22), bill, 0, budget)["severity"] == severity


def test_many_services_are_summed_up_in_a_short_text() -> None:
    bill = costs.Bill({}, {f"service {i}": 1.0 for i in range(40)})
    text = costs.report(date(2026, 11, 22), bill, 0, 0)["text"]
    assert "32 others: $32.00" in text and len(text.splitlines()) < 20
