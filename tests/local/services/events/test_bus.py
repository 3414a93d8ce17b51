"""Events from publishers and clients reach their targets, or their dead-letter queue with the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.local_cloud import Maker, wait_until

from impp_local.kernel import events
from impp_local.services.events import bus


def test_event_starts_an_execution_with_the_event_as_input(make: Maker) -> None:
    machine = make.machine({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    source = make.name("test")
    make.rule(
        {"source": [source], "detail": {"size": [{"numeric": [">", 5]}]}}, Arn=machine, RoleArn="arn:aws:iam::1:role/r"
    )
    for size in (3, 8):
        events.publish({"source": source, "detail-type": "Thing", "detail": {"size": size}})
    client = make.client("stepfunctions")
    (run,) = wait_until(lambda: client.list_executions(stateMachineArn=machine)["executions"])
    given = json.loads(make.ended(run["executionArn"])["input"])
    assert given["detail"] == {"size": 8}
    assert set(given) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}


def test_disabled_rules_deliver_nothing(make: Maker) -> None:
    url, queue = make.queue()
    source = make.name("test")
    arn = make.rule({"source": [source]}, Arn=queue)
    make.client("events").disable_rule(Name=arn.rsplit("/", 1)[-1])
    events.publish({"source": source, "detail-type": "x", "detail": {}})
    make.client("events").enable_rule(Name=arn.rsplit("/", 1)[-1])
    events.publish({"source": source, "detail-type": "y", "detail": {}})
    (message,) = make.messages(url)
    assert json.loads(message["Body"])["detail-type"] == "y"


def test_an_event_for_a_missing_target_is_dead_lettered_at_once(make: Maker) -> None:
    url, letters = make.queue()
    source = make.name("test")
    gone = "arn:aws:states:us-east-1:123456789012:stateMachine:gone"
    rule = make.rule({"source": [source]}, Arn=gone, DeadLetterConfig={"Arn": letters})
    events.publish({"source": source, "detail-type": "x", "detail": {"a": 1}})
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
    events.publish({"source": source, "detail-type": "x", "detail": {}})
    (letter,) = make.messages(url)
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert len(tries) == 4
    assert attributes["ERROR_CODE"] == "THROTTLING" and attributes["RETRY_ATTEMPTS"] == "3"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
