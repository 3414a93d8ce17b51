"""Task tokens: answered once, per attempt, kept alive by heartbeats, expired by timeouts."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import CATCH, CAUGHT, machine, skip_backoff, task

from impp_local.cloud import LocalCloud

WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"


@pytest.fixture(scope="module")
def messenger(cloud: LocalCloud) -> str:
    """A function that sends its token to a queue; one for all tests, because its cold start takes long."""
    code = """
        import boto3
        sqs = boto3.client("sqs")
        def handler(event, context):
            sqs.send_message(QueueUrl=event["queue"], MessageBody=event["token"])
    """
    return Maker(cloud).function(code)


@dataclass
class Waiting:
    """Starts executions that send their token to a queue and wait."""

    make: Maker
    function: str

    def start(self, **fields: Any) -> tuple[str, str]:
        """An execution whose only task has these fields, and the URL of its queue."""
        url, _ = self.make.queue()
        payload = {"token": "{% $states.context.Task.Token %}", "queue": url}
        states = {"Caught": CAUGHT} if "Catch" in fields else {}
        definition = machine(task(WAIT, {"FunctionName": self.function, "Payload": payload}, **fields), **states)
        return self.make.start(self.make.machine(definition)), url


@pytest.fixture
def waiting(make: Maker, messenger: str) -> Waiting:
    return Waiting(make, messenger)


def test_a_token_is_answered_once(make: Maker, waiting: Waiting) -> None:
    run, url = waiting.start()
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


def test_a_failed_token_is_retried_with_a_new_one(
    make: Maker, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_backoff(monkeypatch)
    run, url = waiting.start(Retry=[{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 1}], Catch=CATCH)
    client = make.client("stepfunctions")
    first = make.messages(url)[0]["Body"]
    client.send_task_failure(taskToken=first, error="Flaky", cause="once")
    second = wait_until(lambda: [m["Body"] for m in make.messages(url) if m["Body"] != first])[0]
    client.send_task_failure(taskToken=second, error="Broken", cause="for good")
    assert json.loads(make.ended(run)["output"]) == {"Error": "Broken", "Cause": "for good"}


@pytest.mark.parametrize("fields", [{"TimeoutSeconds": 1}, {"TimeoutSeconds": 60, "HeartbeatSeconds": 1}])
def test_an_unanswered_token_times_out(make: Maker, waiting: Waiting, fields: dict[str, int]) -> None:
    run, url = waiting.start(**fields, Catch=CATCH)
    token = make.messages(url)[0]["Body"]
    assert json.loads(make.ended(run)["output"])["Error"] == "States.Timeout"

    def late() -> bool:
        try:
            make.client("stepfunctions").send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            return error.response["Error"]["Code"] == "TaskTimedOut"
        return False

    assert late()


def test_heartbeats_keep_a_token_alive(make: Maker, waiting: Waiting) -> None:
    run, url = waiting.start(TimeoutSeconds=600, HeartbeatSeconds=4)
    token = make.messages(url)[0]["Body"]
    client = make.client("stepfunctions")
    for _ in range(10):
        time.sleep(0.5)  # longer in total than HeartbeatSeconds, and each far shorter
        client.send_task_heartbeat(taskToken=token)
    client.send_task_success(taskToken=token, output='"alive"')
    assert json.loads(make.ended(run)["output"]) == "alive"
