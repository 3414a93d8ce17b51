"""Answers that replace moto's."""

from __future__ import annotations

from tests.support.local_cloud import Maker
from tests.support.states import machine


def test_history_is_a_timeline_in_pages(make: Maker) -> None:
    run = make.run(machine({"Type": "Pass", "Assign": {"q": 'a"b'}, "Next": "Last"}, Last={"Type": "Succeed"}))
    client = make.client("stepfunctions")
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=run["executionArn"], PaginationConfig={"PageSize": 2}
    )
    history = [event for page in pages for event in page["events"]]
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert [event["id"] for event in history] == [1, 2, 3, 4, 5, 6]
    assert history[2]["stateExitedEventDetails"]["assignedVariables"] == {"q": '"a\\"b"'}
    moments = [event["timestamp"] for event in history]
    assert moments == sorted(moments) and moments[0].tzinfo is not None
    last = client.get_execution_history(executionArn=run["executionArn"], reverseOrder=True, maxResults=1)
    assert last["events"][0]["type"] == "ExecutionSucceeded"
