"""Events from publishers and clients reach their targets, or their dead-letter queue with the reason."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests
from tests.support.local_cloud import Maker, wait_until

from impp_local.services.events import bus


def emit(make: Maker, **detail: Any) -> str:
    """Publish an event of a source that no other test uses; returns the source."""
    source = make.name("test")
    bus.publish({"source": source, "detail-type": "Thing", "detail": detail})
    return source


def test_event_starts_an_execution_with_the_event_as_input(make: Maker) -> None:
    machine = make.machine({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    source = make.name("test")
    make.rule(
        {"source": [source], "detail": {"size": [{"numeric": [">", 5]}]}}, Arn=machine, RoleArn="arn:aws:iam::1:role/r"
    )
    for size in (3, 8):
        bus.publish({"source": source, "detail-type": "Thing", "detail": {"size": size}})
    client = make.client("stepfunctions")
    (run,) = wait_until(lambda: client.list_executions(stateMachineArn=machine)["executions"])
    given = json.loads(make.ended(run["executionArn"])["input"])
    assert given["detail"] == {"size": 8}
    assert set(given) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}


def test_put_events_goes_through_the_bus_and_answers_each_entry(make: Maker) -> None:
    url, queue = make.queue()
    source = make.name("client")
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}
    make.rule({"source": [source]}, Arn=queue, InputTransformer=transformer)
    answer = make.client("events").put_events(
        Entries=[
            {"Source": source, "DetailType": "T", "Detail": '{"n": 1}'},
            {"Source": source, "DetailType": "T", "Detail": "[]"},
            {"Source": "aws.s3", "DetailType": "T", "Detail": "{}"},
        ]
    )
    assert answer["FailedEntryCount"] == 2
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "MalformedDetail",
        "NotAuthorizedForSourceException",
    ]
    (message,) = make.messages(url)
    assert json.loads(message["Body"]) == {"number": 1}


def test_disabled_rules_deliver_nothing(make: Maker) -> None:
    url, queue = make.queue()
    source = make.name("test")
    arn = make.rule({"source": [source]}, Arn=queue)
    make.client("events").disable_rule(Name=arn.rsplit("/", 1)[-1])
    bus.publish({"source": source, "detail-type": "x", "detail": {}})
    make.client("events").enable_rule(Name=arn.rsplit("/", 1)[-1])
    bus.publish({"source": source, "detail-type": "y", "detail": {}})
    (message,) = make.messages(url)
    assert json.loads(message["Body"])["detail-type"] == "y"


def test_an_event_for_a_missing_target_is_dead_lettered_at_once(make: Maker) -> None:
    url, letters = make.queue()
    source = make.name("test")
    gone = "arn:aws:states:us-east-1:123456789012:stateMachine:gone"
    rule = make.rule({"source": [source]}, Arn=gone, DeadLetterConfig={"Arn": letters})
    bus.publish({"source": source, "detail-type": "x", "detail": {"a": 1}})
    (letter,) = make.messages(url)
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["detail"] == {"a": 1}
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["RULE_ARN"] == rule and attributes["TARGET_ARN"] == gone
    assert attributes["RETRY_ATTEMPTS"] == "0" and "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_throttled_deliveries_are_retried_until_the_policy_ends(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    from impp_local.kernel import targets
    from impp_local.kernel.dispatch import Undeliverable

    url, letters = make.queue()
    tries: list[str] = []

    def refuse(arn: str, payload: str, _target: Any) -> None:
        tries.append(payload)
        raise Undeliverable("THROTTLING", "slow down")

    monkeypatch.setitem(targets._receivers, "throttled", refuse)
    monkeypatch.setattr(bus.dispatcher(), "_base", 0.01)
    source = make.name("test")
    policy = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}
    target = "arn:aws:throttled:us-east-1:123456789012:thing"
    make.rule({"source": [source]}, Arn=target, RetryPolicy=policy, DeadLetterConfig={"Arn": letters})
    bus.publish({"source": source, "detail-type": "x", "detail": {}})
    (letter,) = make.messages(url)
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert len(tries) == 4
    assert attributes["ERROR_CODE"] == "THROTTLING" and attributes["RETRY_ATTEMPTS"] == "3"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_a_topic_reaches_functions_queues_and_webhooks(make: Maker) -> None:
    posted: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append(json.loads(body))
            self.send_response(503 if len(posted) == 1 else 200)  # the first try fails
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = make.client("sns")
    topic = sns.create_topic(Name=make.name("topic"))["TopicArn"]
    url, queue = make.queue()
    out_url, out = make.queue()
    function = make.function("def handler(event, context): return 'received'")
    make.client("lambda").put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": out}}
    )
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, ReturnSubscriptionArn=True)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{server.server_port}/")
    message_id = sns.publish(TopicArn=topic, Subject="s", Message='{"alert": "ü"}')["MessageId"]

    (message,) = make.messages(url)
    assert message["Body"] == '{"alert": "ü"}'
    (seen,) = make.messages(out_url)
    (record,) = json.loads(seen["Body"])["requestPayload"]["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"] == subscription["SubscriptionArn"]
    assert record["Sns"]["Message"] == '{"alert": "ü"}' and record["Sns"]["Subject"] == "s"
    assert record["Sns"]["MessageId"] == message_id and record["Sns"]["TopicArn"] == topic
    wait_until(lambda: len(posted) == 2)
    server.shutdown()
    assert posted[1]["Type"] == "Notification" and posted[1]["Message"] == '{"alert": "ü"}'


def test_schedules_run_by_hand(make: Maker) -> None:
    url, queue = make.queue()
    name = make.name("nightly")
    make.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="cron(0 6 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue, "RoleArn": "arn:aws:iam::123456789012:role/r", "Input": '{"report": "daily"}'},
    )
    listed = requests.get(f"{make.cloud.endpoint}/_impp/schedules", timeout=10).json()["schedules"]
    assert {"name": name, "expression": "cron(0 6 * * ? *)", "state": "ENABLED", "target": queue} in listed
    assert requests.post(f"{make.cloud.endpoint}/_impp/schedules/{name}/run", timeout=10).status_code == 200
    assert json.loads(make.messages(url)[0]["Body"]) == {"report": "daily"}
    assert requests.post(f"{make.cloud.endpoint}/_impp/schedules/nobody/run", timeout=10).status_code == 404
