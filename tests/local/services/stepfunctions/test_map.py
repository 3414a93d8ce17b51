"""Inline Map states.

https://states-language.net/spec.html#map-state and
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import CATCH, CAUGHT, INVOKE, machine, skip_backoff, task

from impp_local.kernel import billing, functions
from impp_local.kernel.functions import Report


@dataclass
class Worker:
    """In place of Lambda: answers with what it was asked, fails an item so many times, and can be held at items."""

    failures: Mapping[Any, int] = field(default_factory=dict)
    held: frozenset[Any] = frozenset()
    calls: Counter[Any] = field(default_factory=Counter)
    release: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, _name: str, payload: bytes, **_: Any) -> Report:
        item = json.loads(payload)["item"]
        with self._lock:
            self.calls[item] += 1
            self.running += 1
            self.most = max(self.most, self.running)
        if item in self.held:
            self.release.wait(20)
        with self._lock:
            self.running -= 1
        if self.failures.get(item, 0) >= self.calls[item]:
            error = {"errorType": "Flaky", "errorMessage": f"item {item}"}
            return Report("id", "$LATEST", json.dumps(error).encode(), "Unhandled", 1.0, 1, None, 1)
        return Report("id", "$LATEST", json.dumps({"item": item}).encode(), None, 1.0, 1, None, 1)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    created = Worker()
    monkeypatch.setattr(functions, "invoke", created.invoke)
    return created


def call(item: str = "{% $states.input %}", **fields: Any) -> dict[str, Any]:
    given = {"FunctionName": "f", "Payload": {"item": item}}
    return task(INVOKE, given, **({"Output": "{% $states.result.Payload.item %}"} | fields))


def each(items: Any, first: dict[str, Any], others: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A Map state over `items`."""
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Item", "States": {"Item": first, **(others or {})}}
    given = {} if items is None else {"Items": items}
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Map", **given, "ItemProcessor": processor, **end, **fields}


def events(make: Maker, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    pages = make.client("stepfunctions").get_paginator("get_execution_history")
    return [e for page in pages.paginate(executionArn=run["executionArn"]) for e in page["events"]]


def transitions(run: Mapping[str, Any]) -> float:
    return billing.METER._used["states", "standard_transition", run["executionArn"]]


def test_results_keep_the_order_of_the_items(make: Maker, worker: Worker) -> None:
    worker.held = frozenset({1})
    arn = make.start(make.machine(machine(each("{% $states.input.n %}", call(), MaxConcurrency=2))), {"n": [*range(5)]})
    wait_until(lambda: sum(worker.calls.values()) == 5)  # all but 1 pass on the other place
    worker.held = frozenset()
    worker.release.set()
    run = make.ended(arn)
    assert json.loads(run["output"]) == [0, 1, 2, 3, 4]
    assert worker.most <= 2
    assert transitions(run) == 6  # the Map and five tasks: each state entered is billed once
    history = Counter(event["type"] for event in events(make, run))
    assert history["MapStateStarted"] == history["MapStateSucceeded"] == 1
    assert history["MapIterationStarted"] == history["MapIterationSucceeded"] == 5


def test_items_selector_and_context(make: Maker) -> None:
    """`$states.input` of the selector is the input of the Map; the item is in the context."""
    selector = {
        "from": "{% $states.input.asset %}",
        "part": "{% $states.context.Map.Item.Value %}",
        "n": "{% $states.context.Map.Item.Index %}",
        "kept": "{% $kept %}",
    }
    show = {"Type": "Pass", "Output": {"in": "{% $states.input %}", "item": "{% $states.context.Map.Item %}"}}
    run = make.run(
        machine(
            {"Type": "Pass", "Assign": {"kept": 7}, "Next": "Each"},
            Each=each("{% $states.input.parts %}", {**show, "End": True}, ItemSelector=selector, Next="After"),
            After={
                "Type": "Pass",
                "Output": {"all": "{% $states.input %}", "left": "{% $exists($states.context.Map) %}"},
                "End": True,
            },
        ),
        {"asset": "a", "parts": [[0, 1], [1, 2]]},
    )
    assert run["output"] == {
        "all": [
            {
                "in": {"from": "a", "part": part, "n": n, "kept": 7},
                "item": {"Index": n, "Value": part},
            }
            for n, part in enumerate([[0, 1], [1, 2]])
        ],
        "left": False,
    }


def test_without_items_it_takes_its_input_and_none_is_an_empty_result(make: Maker) -> None:
    double = {"Type": "Pass", "Output": "{% $states.input * 2 %}", "End": True}
    assert make.run(machine(each(None, double)), [1, 2])["output"] == [2, 4]
    assert make.run(machine(each("{% [] %}", double)))["output"] == []


def test_items_that_are_no_array_fail_the_state(make: Maker) -> None:
    run = make.run(machine(each("{% 'text' %}", CAUGHT, Catch=CATCH, Next="Caught"), Caught=CAUGHT))
    assert run["output"]["Error"] == "States.QueryEvaluationError"


def test_an_item_retries_alone(make: Maker, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_backoff(monkeypatch)
    worker.failures = {0: 2, 2: 1}
    retry = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    item = call(Retry=retry, Output="{% [$states.input, $states.context.State.RetryCount] %}")
    run = make.run(machine(each("{% [0..3] %}", item, MaxConcurrency=4)))
    assert run["output"] == [[0, 2], [1, 0], [2, 1], [3, 0]]
    assert worker.calls == {0: 3, 1: 1, 2: 2, 3: 1}
    assert transitions(run) == 1 + 4 + 3


def test_an_item_that_fails_is_caught_within_its_iteration(make: Maker, worker: Worker) -> None:
    worker.failures = {1: 9}
    item = call(Catch=[{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Lost"}])
    run = make.run(machine(each("{% [0..2] %}", item, {"Lost": {"Type": "Succeed"}})))
    assert run["output"] == [0, "Flaky", 2]
    assert transitions(run) == 1 + 3 + 1


def test_an_iteration_that_fails_ends_the_others_and_the_map_catches_it(make: Maker, worker: Worker) -> None:
    """\"When a Map state fails, all iterations stop.\""""
    worker.failures, worker.held = {1: 9}, frozenset({0})
    then = call("{% 'after' & $string($states.input) %}")
    first = call(Next="Then")
    given = each("{% [0..9] %}", first, {"Then": then}, MaxConcurrency=2, Catch=CATCH, Next="Never")
    never = {"Type": "Fail", "Error": "Reached"}
    run = make.run(machine(given, Caught={"Type": "Pass", "Next": "Last"}, Last=call("last"), Never=never))
    worker.release.set()
    wait_until(lambda: worker.running == 0)
    assert run["output"] == "last"
    assert set(worker.calls) == {0, 1, "last"}
    history = events(make, run)
    caught = next(e["stateEnteredEventDetails"] for e in history if e["type"] == "PassStateEntered")
    assert json.loads(caught["input"])["Error"] == "Flaky"
    types = [event["type"] for event in history]
    assert types.count("MapIterationFailed") == types.count("MapIterationAborted") == types.count("MapStateFailed") == 1
    assert transitions(run) == 1 + 2 + 2


def test_a_map_that_retries_begins_again_with_all_items(
    make: Maker, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_backoff(monkeypatch)
    worker.failures = {1: 1}
    retry = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    run = make.run(machine(each("{% [0..2] %}", call(), MaxConcurrency=1, Retry=retry)))
    assert run["output"] == [0, 1, 2]
    assert worker.calls == {0: 2, 1: 2, 2: 1}
    assert transitions(run) == 1 + 2 + 1 + 3


def test_an_iteration_keeps_its_variables_to_itself(make: Maker) -> None:
    step = {"Type": "Pass", "Assign": {"own": "{% $states.input %}"}, "Next": "Show"}
    show = {"Type": "Pass", "Output": "{% $own + $outer %}", "End": True}
    run = make.run(
        machine(
            {"Type": "Pass", "Assign": {"outer": 10}, "Next": "Each"},
            Each=each("{% [1..3] %}", step, {"Show": show}, Assign={"sums": "{% $states.result %}"}, Next="After"),
            After={"Type": "Pass", "Output": "{% [$sums, $exists($own)] %}", "End": True},
        )
    )
    assert run["output"] == [11, 12, 13, False]


def test_at_most_forty_iterations_of_an_inline_map_run_at_once(make: Maker, worker: Worker) -> None:
    worker.held = frozenset(range(45))
    arn = make.start(make.machine(machine(each("{% [0..44] %}", call()))))
    wait_until(lambda: worker.running == 40)
    worker.release.set()
    assert len(json.loads(make.ended(arn)["output"])) == 45
    assert worker.most == 40


@pytest.mark.slow
def test_a_thousand_items_one_at_a_time(make: Maker) -> None:
    given = each("{% [1..1000] %}", {"Type": "Pass", "End": True}, MaxConcurrency="{% 1 %}")
    run = make.run(machine(given))
    assert run["status"] == "SUCCEEDED", run.get("cause")
    assert run["output"][-1] == 1000


@pytest.mark.parametrize("fields", [{}, {"Output": 1}], ids=["as output", "that goes no further"])
def test_a_result_above_the_limit_of_a_payload_fails_the_map(make: Maker, fields: dict[str, Any]) -> None:
    big = {"Type": "Pass", "Output": "{% $pad('', 100000, 'x') %}", "End": True}
    catch = [{"ErrorEquals": ["States.DataLimitExceeded"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]
    run = make.run(machine(each("{% [1..3] %}", big, Catch=catch, Next="Caught", **fields), Caught=CAUGHT))
    assert run["output"]["Error"] == "States.DataLimitExceeded"


def test_variables_above_the_limit_fail_their_state(make: Maker) -> None:
    run = make.run(machine({"Type": "Pass", "Assign": {"big": "{% $pad('', 262145, 'x') %}"}, "End": True}))
    assert run["error"] == "States.DataLimitExceeded"


def test_a_map_that_waits_for_tokens_is_stopped_with_its_execution(make: Maker, worker: Worker) -> None:
    wait = task(f"{INVOKE}.waitForTaskToken", {"FunctionName": "f", "Payload": {"item": "{% $states.input %}"}})
    arn = make.start(make.machine(machine(each("{% [1..3] %}", wait))))
    wait_until(lambda: sum(worker.calls.values()) == 3)
    make.client("stepfunctions").stop_execution(executionArn=arn)
    assert make.ended(arn)["status"] == "ABORTED"


def test_names_of_iterations_and_their_indexes_are_in_the_history(make: Maker) -> None:
    run = make.run(machine(each("{% ['a', 'b'] %}", {"Type": "Pass", "End": True})))
    history = events(make, run)
    started = next(e for e in history if e["type"] == "MapStateStarted")
    assert started["mapStateStartedEventDetails"] == {"length": 2}
    ends: dict[str, set[int]] = defaultdict(set)
    for event in history:
        for kind in ("Started", "Succeeded"):
            if details := event.get(f"mapIteration{kind}EventDetails"):
                assert details["name"] == "First"
                ends[kind].add(details["index"])
    assert ends == {"Started": {0, 1}, "Succeeded": {0, 1}}
    assert [e["type"] for e in history][-3:] == ["MapStateSucceeded", "MapStateExited", "ExecutionSucceeded"]


def test_a_branch_that_fails_ends_the_others_with_their_tokens(make: Maker, worker: Worker) -> None:
    wait = task(
        f"{INVOKE}.waitForTaskToken", {"FunctionName": "f", "Payload": {"item": "{% $states.context.Task.Token %}"}}
    )
    branches = [
        {"StartAt": "Waits", "States": {"Waits": wait}},
        {
            "StartAt": "Fails",
            "States": {"Fails": {"Type": "Wait", "Seconds": 1, "Next": "End"}, "End": {"Type": "Fail"}},
        },
    ]
    given = {"Type": "Parallel", "Branches": branches, "Catch": CATCH, "Next": "Caught"}
    arn = make.start(make.machine(machine(given, Caught={"Type": "Wait", "Seconds": 600, "End": True})))
    wait_until(lambda: any(e["type"] == "WaitStateExited" for e in events(make, {"executionArn": arn})))
    (token,) = worker.calls
    client = make.client("stepfunctions")
    wait_until(
        lambda: (
            client.get_execution_history(executionArn=arn, reverseOrder=True)["events"][0]["type"] == "WaitStateEntered"
        )
    )
    with pytest.raises((client.exceptions.TaskTimedOut, client.exceptions.InvalidToken)):
        client.send_task_success(taskToken=token, output="1")
    client.stop_execution(executionArn=arn)
