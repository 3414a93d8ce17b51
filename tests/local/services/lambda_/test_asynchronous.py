"""Asynchronous invocations: retries, dead letters, destinations."""

from __future__ import annotations

import json

import pytest
from tests.support.local_cloud import Maker

from impp_local.services.lambda_ import api


def test_asynchronous_failures_are_retried_then_dead_lettered(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.running().events.dispatcher, "_base", 0.01)
    letters, letter_arn = make.queue()
    records, record_arn = make.queue()
    arn = make.function(
        "def handler(e, c):\n    print('TRY')\n    raise RuntimeError('never')",
        DeadLetterConfig={"TargetArn": letter_arn},
    )
    make.client("lambda").put_function_event_invoke_config(
        FunctionName=arn, DestinationConfig={"OnFailure": {"Destination": record_arn}}
    )
    answer = make.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=b'{"n": 1}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    (letter,) = make.messages(letters)
    assert json.loads(letter["Body"]) == {"n": 1}
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["ErrorMessage"] == "never" and attributes["ErrorCode"] == "200"
    (record,) = make.messages(records)
    report = json.loads(record["Body"])
    assert report["requestPayload"] == {"n": 1}
    assert report["requestContext"]["condition"] == "RetriesExhausted"
    assert report["requestContext"]["approximateInvokeCount"] == 3
    assert report["requestContext"]["requestId"] == attributes["RequestID"]
    assert report["responsePayload"]["errorType"] == "RuntimeError"
    group = f"/aws/lambda/{arn.rsplit(':', 1)[-1]}"
    printed = make.client("logs").filter_log_events(logGroupName=group)["events"]
    assert sum(event["message"] == "TRY" for event in printed) == 3
