"""Lambda's API: configuration, limits, errors."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker


def test_configuration_that_terraform_reads_back(make: Maker) -> None:
    _, queue = make.queue()
    logging = {"LogFormat": "JSON", "LogGroup": make.name("/group")}
    arn = make.function(
        "def handler(e, c): print('hello')", DeadLetterConfig={"TargetArn": queue}, LoggingConfig=logging
    )
    configuration = make.client("lambda").get_function_configuration(FunctionName=arn)
    assert configuration["DeadLetterConfig"] == {"TargetArn": queue}
    assert configuration["LoggingConfig"] == logging
    make.invoke(arn)
    lines = make.client("logs").filter_log_events(logGroupName=logging["LogGroup"])["events"]
    assert [json.loads(line["message"])["type"] for line in (lines[0], lines[-1])] == [
        "platform.start",
        "platform.report",
    ]
    assert lines[1]["message"] == "hello"


def test_payload_limits_and_unknown_functions(make: Maker) -> None:
    client = make.client("lambda")
    arn = make.function("def handler(e, c): return 'x' * e.get('size', 0)")
    with pytest.raises(ClientError, match="RequestTooLargeException") as refused:
        client.invoke(FunctionName=arn, Payload=json.dumps({"x": "y" * (6 * 1024 * 1024)}))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    answer, error, _ = make.invoke(arn, {"size": 6 * 1024 * 1024})
    assert (error, answer["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        client.invoke(FunctionName=arn, Payload=b"{not json")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.invoke(FunctionName="nobody", Payload=b"{}")
    assert client.invoke(FunctionName=arn, InvocationType="DryRun")["StatusCode"] == 204
