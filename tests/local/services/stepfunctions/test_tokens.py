"""Task tokens: answered once, per attempt, kept alive by heartbeats, expired by timeouts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import CATCH, CAUGHT, machine, task

WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def token_machine(make: Maker, **fields: Any) -> tuple[dict[str, Any], str]:
    """A machine that hands its token to a queue and waits; and the queue's URL."""
    url, _ = make.queue()
    code = f"""
        import boto3
        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl="{url}", MessageBody=event["token"])
    """
    arguments = {"FunctionName": make.function(code), "Payload": {"token": "{% $states.context.Task.Token %}"}}
    return machine(task(WAIT, arguments, **fields)), url


def test_a_token_is_answered_once(make: Maker) -> None:
    definition, url = token_machine(make)
    run = make.start(make.machine(definition))
    token = make.messages(url)[0]["Body"]
    client = make.client("stepfunctions")
    with pytest.raises(ClientError, match="InvalidOutput"):
        client.send_task_success(taskToken=token, output="{no json")
    client.send_task_success(taskToken=token, output='{"ok": 1}')
    assert json.loads(make.ended(run)["output"]) == {"ok": 1}
    with pytest.raises(ClientError, match="TaskTimedOut"):
        client.send_task_success(taskToken=token, output="{}")
    with pytest.raises(ClientError, match="TaskTimedOut"):
        client.send_task_heartbeat(taskToken=token)
    with pytest.raises(ClientError, match="InvalidToken"):
        client.send_task_success(taskToken="made up", output="{}")


def test_a_failed_token_is_retried_with_a_new_one(make: Maker) -> None:
    definition, url = token_machine(
        make, Retry=[{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 1}], Catch=CATCH
    )
    definition["States"]["Caught"] = CAUGHT
    run = make.start(make.machine(definition))
    client = make.client("stepfunctions")
    first = make.messages(url)[0]["Body"]
    client.send_task_failure(taskToken=first, error="Flaky", cause="once")
    second = wait_until(lambda: [m["Body"] for m in make.messages(url) if m["Body"] != first])[0]
    client.send_task_failure(taskToken=second, error="Broken", cause="for good")
    assert json.loads(make.ended(run)["output"]) == {"Error": "Broken", "Cause": "for good"}


@pytest.mark.parametrize("fields", [{"TimeoutSeconds": 1}, {"TimeoutSeconds": 60, "HeartbeatSeconds": 1}])
def test_a_token_that_nobody_answers_times_out(make: Maker, fields: dict[str, int]) -> None:
    definition, url = token_machine(make, **fields, Catch=CATCH)
    definition["States"]["Caught"] = CAUGHT
    run = make.start(make.machine(definition))
    token = make.messages(url)[0]["Body"]
    assert json.loads(make.ended(run)["output"])["Error"] == "States.Timeout"

    def late() -> bool:
        try:
            make.client("stepfunctions").send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            return error.response["Error"]["Code"] == "TaskTimedOut"
        return False

    assert late()


def test_heartbeats_keep_a_token_alive(make: Maker) -> None:
    definition, url = token_machine(make, TimeoutSeconds=60, HeartbeatSeconds=1)
    run = make.start(make.machine(definition))
    token = make.messages(url)[0]["Body"]
    client = make.client("stepfunctions")
    for _ in range(6):
        time.sleep(0.4)  # the passing of time is what is tested
        client.send_task_heartbeat(taskToken=token)
    client.send_task_success(taskToken=token, output='"alive"')
    assert json.loads(make.ended(run)["output"]) == "alive"
