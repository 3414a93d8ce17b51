"""Execution logs."""

from __future__ import annotations

import json

from tests.support.local_cloud import Maker, wait_until
from tests.support.states import machine


def test_the_history_is_logged_to_the_configured_log_group(make: Maker) -> None:
    group = make.name("/aws/vendedlogs/states")
    make.client("logs").create_log_group(logGroupName=group)
    destination = {
        "cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"}
    }
    definition = machine({"Type": "Fail", "Error": "Bad", "Cause": "why"}) | {"QueryLanguage": "JSONata"}
    arn = make.client("stepfunctions").create_state_machine(
        name=make.name("machine"),
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/states",
        loggingConfiguration={"level": "ERROR", "includeExecutionData": False, "destinations": [destination]},
    )["stateMachineArn"]
    run = make.start(arn, {"secret": 1})
    logged = wait_until(lambda: make.client("logs").filter_log_events(logGroupName=group)["events"])
    entries = [json.loads(entry["message"]) for entry in logged]
    assert [entry["type"] for entry in entries] == ["FailStateEntered", "ExecutionFailed"]
    assert all(entry["execution_arn"] == run for entry in entries)
    assert entries[0]["details"] == {"name": "First"}
    assert entries[1]["details"] == {"error": "Bad", "cause": "why"}
