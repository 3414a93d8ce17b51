"""Executions continue when the cloud starts again with the same folder, however it had stopped."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_cloud import Maker, wait_until
from tests.support.states import INVOKE, machine, skip_backoff, task
from tests.support.up_process import up

from impp_local.cloud import LocalCloud
from impp_local.kernel import functions, targets
from impp_local.kernel.functions import Report
from impp_local.services.stepfunctions import archive, journal, logs

pytestmark = pytest.mark.slow

TOKEN = f"{INVOKE}.waitForTaskToken"
HOUR_S = 3600


@dataclass
class Calls:
    """In place of Lambda: counts what it was asked for, and answers `{"did": <step>}`; `hold` stops it at a step."""

    finished: Counter[str] = field(default_factory=Counter)
    started: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    hold: threading.Event = field(default_factory=threading.Event)
    held: str = ""
    pause_s: float = 0.0

    def invoke(self, _name: str, payload: bytes, **_: Any) -> Report:
        event = json.loads(payload)
        step = event["step"]
        self.started[step] += 1
        if "token" in event:
            self.tokens[step] = event["token"]
        if step == self.held:
            self.hold.wait(120)
        time.sleep(self.pause_s)
        error = None
        answer: dict[str, Any] = {"did": step}
        if self.failures.get(step, 0) >= self.started[step]:
            error, answer = "Unhandled", {"errorType": "Flaky", "errorMessage": "not yet"}
        else:
            self.finished[step] += 1
        return Report("id", "$LATEST", json.dumps(answer).encode(), error, 1.0, 1, None, 1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    created = Calls()
    monkeypatch.setattr(functions, "invoke", created.invoke)
    return created


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@contextmanager
def started(folder: Path) -> Iterator[Maker]:
    with LocalCloud(port=0, state=folder) as cloud:
        yield Maker(cloud)


def state_row(make: Maker, run: str) -> dict[str, Any]:
    """What is on disk of the state under way; empty before it is entered."""
    rows = make.cloud.store.rows(journal.STATE, f"{run}|")
    return rows[0][1] if rows else {}


def let_pass(make: Maker, run: str, moment: str, seconds: int) -> None:
    """Move a moment of the state under way into the past, for the next start, as if so much time had gone by."""
    ((key, row),) = make.cloud.store.rows(journal.STATE, f"{run}|")
    make.cloud.store.put(journal.STATE, key, {**row, moment: row[moment] - seconds})


def call(step: str, **fields: Any) -> dict[str, Any]:
    """A task whose output is `{"did": step}`."""
    given = {"FunctionName": "f", "Payload": {"step": step}}
    return task(INVOKE, given, **({"Output": "{% $states.result.Payload %}"} | fields))


def branch(*steps: dict[str, Any]) -> dict[str, Any]:
    """The steps one after the other, named 0, 1, …"""
    named = {str(n): {**step, "Next": str(n + 1)} for n, step in enumerate(steps[:-1])}
    for step in named.values():
        step.pop("End", None)
    return {"StartAt": "0", "States": named | {str(len(steps) - 1): steps[-1]}}


def history(make: Maker, run: str) -> list[dict[str, Any]]:
    pages = make.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=run)
    return [event for page in pages for event in page["events"]]


def names(events: list[dict[str, Any]], kind: str) -> list[str]:
    """The states that were entered or exited, in alphabetical order."""
    return sorted(event[f"state{kind}EventDetails"]["name"] for event in events if event["type"].endswith(kind))


def test_a_finished_state_does_not_run_again(folder: Path, calls: Calls) -> None:
    calls.held = "second"
    definition = machine(
        call("first", Assign={"kept": "{% $states.result.Payload.did %}"}, Next="Second"),
        Second=call("second", Next="Third"),
        Third={"Type": "Pass", "Output": {"all": "{% [$kept, $states.input.did, $states.context.Execution.Id] %}"}}
        | {"End": True},
    )
    with started(folder) as make:
        run = make.start(make.machine(definition), {"some": "input"})
        wait_until(lambda: calls.started["second"])
        before = make.client("stepfunctions").describe_execution(executionArn=run)
    calls.held = ""
    calls.hold.set()
    with started(folder) as make:
        after = make.ended(run)
        assert json.loads(after["output"]) == {"all": ["first", "second", run]}
        assert calls.started == {"first": 1, "second": 2}
        assert (after["startDate"], after["input"]) == (before["startDate"], before["input"])
        events = history(make, run)
        assert names(events, "Entered") == names(events, "Exited") == ["First", "Second", "Third"]
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        times = [event["timestamp"] for event in events]
        assert times == sorted(times)
        assert events[0]["type"] == "ExecutionStarted" and events[-1]["type"] == "ExecutionSucceeded"
    with started(folder) as make:  # all of it is still there
        described = make.client("stepfunctions").describe_execution(executionArn=run)
        assert described["output"] == after["output"] and described["stopDate"] == after["stopDate"]
        assert history(make, run) == events


def test_branches_and_items_continue_each_where_it_was(folder: Path, calls: Calls) -> None:
    calls.held = "slow"
    item = call("item", Output="{% $states.context.Map.Item.Index %}")
    item["Arguments"]["Payload"] = {"step": "{% 'item' & $string($states.context.Map.Item.Index) %}"}
    each = {
        "Type": "Map",
        "Items": "{% [0, 1, 2, 3, 4] %}",
        "MaxConcurrency": 2,
        "ItemProcessor": {"StartAt": "Item", "States": {"Item": item}},
        "End": True,
    }
    branches = [branch(call("a"), call("slow"), call("b")), {"StartAt": "Each", "States": {"Each": each}}]
    definition = machine({"Type": "Parallel", "Branches": branches, "End": True})
    with started(folder) as make:
        run = make.start(make.machine(definition))
        wait_until(lambda: calls.started["slow"] and sum(calls.finished.values()) == 6)
        time.sleep(0.1)
    calls.held = ""
    calls.hold.set()
    with started(folder) as make:
        assert json.loads(make.ended(run)["output"]) == [{"did": "b"}, [0, 1, 2, 3, 4]]
        assert calls.started == {"a": 1, "slow": 2, "b": 1} | {f"item{n}": 1 for n in range(5)}
        events = history(make, run)
        assert names(events, "Entered") == names(events, "Exited")
        assert Counter(event["type"] for event in events)["ParallelStateStarted"] == 1


def test_a_wait_ends_at_its_original_moment(folder: Path) -> None:
    definition = machine({"Type": "Wait", "Seconds": HOUR_S, "End": True})
    with started(folder) as make:
        run = make.start(make.machine(definition))
        wait_until(lambda: state_row(make, run))
        let_pass(make, run, "entered", HOUR_S - 600)
    with started(folder) as make:
        assert make.client("stepfunctions").describe_execution(executionArn=run)["status"] == "RUNNING"
        let_pass(make, run, "entered", 600)
    with started(folder) as make:
        assert make.ended(run)["status"] == "SUCCEEDED"


def test_a_token_is_answered_before_and_after_a_restart(folder: Path, calls: Calls) -> None:
    given = {"FunctionName": "f", "Payload": {"step": "ask", "token": "{% $states.context.Task.Token %}"}}
    definition = machine(task(TOKEN, given))
    with started(folder) as make:
        arn = make.machine(definition)
        runs = [make.start(arn) for _ in range(2)]
        wait_until(lambda: all(history(make, run)[-1]["type"] == "TaskSubmitted" for run in runs))
        tokens = {}
        for row_arn in runs:
            (state,) = [row for _, row in make.cloud.store.rows(journal.STATE, row_arn + "|")]
            tokens[row_arn] = state["token"]
        make.cloud.store.put(journal.ANSWER, tokens[runs[0]], {"output": '"before"'})  # acknowledged, then killed
    with started(folder) as make:
        make.client("stepfunctions").send_task_success(taskToken=tokens[runs[1]], output='"after"')
        assert [json.loads(make.ended(run)["output"]) for run in runs] == ["before", "after"]
        assert calls.started["ask"] == 2
        assert make.cloud.store.rows(journal.TOKEN) == make.cloud.store.rows(journal.ANSWER) == []
        with pytest.raises(make.client("stepfunctions").exceptions.TaskTimedOut):
            make.client("stepfunctions").send_task_success(taskToken=tokens[runs[1]], output='"again"')


def test_retries_are_counted_on(folder: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_backoff(monkeypatch)
    calls.failures["flaky"], calls.held = 9, ""
    retry = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 3}]
    caught = {"ErrorEquals": ["Flaky"], "Output": "{% $states.context.State.RetryCount %}", "Next": "Caught"}
    definition = machine(call("flaky", Retry=retry, Catch=[caught]), Caught={"Type": "Pass", "End": True})

    def invoke(*args: Any, **more: Any) -> Report:
        if calls.started["flaky"] == 2:  # the third attempt does not end before the restart
            calls.held = "flaky"
        return calls.invoke(*args, **more)

    monkeypatch.setattr(functions, "invoke", invoke)
    with started(folder) as make:
        run = make.start(make.machine(definition))
        wait_until(lambda: calls.started["flaky"] == 3)
    monkeypatch.setattr(functions, "invoke", calls.invoke)
    calls.held = ""
    calls.hold.set()
    with started(folder) as make:
        assert make.ended(run)["output"] == "3"
        assert calls.started["flaky"] == 5


def test_a_retry_keeps_its_time(folder: Path, calls: Calls) -> None:
    calls.failures["flaky"] = 1
    retry = {"ErrorEquals": ["Flaky"], "IntervalSeconds": HOUR_S, "MaxAttempts": 1}
    definition = machine(call("flaky", Retry=[retry]))
    with started(folder) as make:
        run = make.start(make.machine(definition))
        wait_until(lambda: "due" in state_row(make, run))
        let_pass(make, run, "due", HOUR_S - 600)
    with started(folder) as make:
        assert make.client("stepfunctions").describe_execution(executionArn=run)["status"] == "RUNNING"
        assert calls.started["flaky"] == 1
        let_pass(make, run, "due", 600)
    with started(folder) as make:
        assert make.ended(run)["status"] == "SUCCEEDED"
        assert calls.started["flaky"] == 2


def test_an_updated_machine_does_not_change_what_runs_and_a_deleted_one_ends_it(folder: Path, calls: Calls) -> None:
    calls.held = "held"
    definition = machine(call("held", Next="Last"), Last={"Type": "Pass", "Output": "old", "End": True})
    with started(folder) as make:
        updated, deleted = make.machine(definition), make.machine(definition)
        runs = [make.start(updated), make.start(deleted)]
        wait_until(lambda: calls.started["held"] == 2)
        client = make.client("stepfunctions")
        client.update_state_machine(stateMachineArn=updated, definition=json.dumps(machine({"Type": "Fail"})))
        client.delete_state_machine(stateMachineArn=deleted)
    calls.held = ""
    calls.hold.set()
    with started(folder) as make:
        ends = [make.ended(run) for run in runs]
        assert [end["status"] for end in ends] == ["SUCCEEDED", "ABORTED"]
        assert ends[0]["output"] == '"old"'


def test_ended_executions_leave_memory(folder: Path, calls: Calls) -> None:
    from impp_local.services.stepfunctions.executions import RUNNING

    with started(folder) as make:
        arn = make.machine(machine(call("first")))
        runs = [make.start(arn, {"n": n}) for n in range(10)]
        for run in runs:
            make.ended(run)
        wait_until(lambda: not RUNNING.in_memory())
        for kind in (journal.RUNNING, journal.PROGRAM, journal.STATE, journal.EVENTS):
            assert make.cloud.store.rows(kind) == []
        listed = make.client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")
        assert {entry["executionArn"] for entry in listed["executions"]} == set(runs)
        name = runs[0].rsplit(":", 1)[1]
        with pytest.raises(make.client("stepfunctions").exceptions.ExecutionAlreadyExists):
            make.client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input='{"n": 0}')


def test_an_execution_that_ends_as_the_cloud_stops_has_its_history_after_the_next_start(
    folder: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_stopped, is_through, errors = threading.Event(), threading.Event(), []

    def write(_execution: Any) -> None:  # between an execution's end and its archive
        is_stopped.wait(120)

    def archive_late(self: journal.Journal, events: list[dict[str, Any]]) -> None:
        try:
            archive_in_time(self, events)
        except Exception as error:
            errors.append(error)
        is_through.set()

    archive_in_time = journal.Journal.archive
    with monkeypatch.context() as patch:
        patch.setattr(logs, "write", write)
        patch.setattr(journal.Journal, "archive", archive_late)
        with started(folder) as make:
            run = make.start(make.machine(machine(call("only"))))
            make.ended(run)
        is_stopped.set()
        assert is_through.wait(60)
    assert errors == []
    with started(folder) as make:
        assert history(make, run)[-1]["type"] == "ExecutionSucceeded"
        assert make.cloud.store.rows(journal.EVENTS) == []


def test_old_executions_are_forgotten(folder: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "REMEMBERED_EXECUTIONS", 3)
    with started(folder) as make:
        arn = make.machine(machine(call("first")))
        runs = []
        for n in range(5):
            runs.append(make.start(arn, {"n": n}))
            make.ended(runs[-1])
    with started(folder) as make:
        assert sorted(key for key, _ in make.cloud.store.rows(journal.ENDED)) == sorted(runs[2:])
        assert len(make.cloud.store.rows(journal.HISTORY)) == 3
        assert len(make.cloud.store.rows(journal.DEFINITION)) == 1


EVERYTHING = machine(
    {
        "Type": "Parallel",
        "Branches": [
            branch(call("a0", Retry=[{"ErrorEquals": ["Flaky"], "MaxAttempts": 3}]), call("a1"), call("a2")),
            branch(call("b0"), {"Type": "Wait", "Seconds": 1, "End": True}, call("b1")),
            {
                "StartAt": "Broken",
                "States": {
                    "Broken": call(
                        "broken", Catch=[{"ErrorEquals": ["Flaky"], "Output": "caught", "Next": "After"}], Next="After"
                    ),
                    "After": {"Type": "Choice", "Choices": [{"Condition": True, "Next": "Each"}]},
                    "Each": {
                        "Type": "Map",
                        "Items": "{% [0, 1, 2, 3] %}",
                        "MaxConcurrency": 2,
                        "ItemProcessor": branch(
                            {"Type": "Pass", "Output": "{% $states.context.Map.Item.Value * 2 %}", "End": True},
                            task(
                                INVOKE,
                                {"FunctionName": "f", "Payload": {"step": "{% 'm' & $string($states.input) %}"}},
                                Output="{% $states.result.Payload.did %}",
                            ),
                        ),
                        "End": True,
                    },
                },
            },
        ],
        "Assign": {"results": "{% $states.result %}"},
        "Next": "Last",
    },
    Last=call("last", Output="{% $append($results, $states.result.Payload.did) %}"),
)
EXPECTED = [{"did": "a2"}, {"did": "b1"}, ["m0", "m2", "m4", "m6"], "last"]


@pytest.mark.parametrize("seed", range(3))
def test_restarts_at_random_moments_lose_and_repeat_nothing(
    folder: Path, calls: Calls, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_backoff(monkeypatch)
    calls.failures, calls.pause_s = {"a0": 2, "broken": 99}, 0.05
    chance = random.Random(seed)
    with started(folder) as make:
        run = make.start(make.machine(EVERYTHING))
        time.sleep(chance.uniform(0.0, 0.4))
    for _ in range(3):
        with started(folder) as make:
            time.sleep(chance.uniform(0.0, 0.6))
    with started(folder) as make:
        assert json.loads(make.ended(run)["output"]) == EXPECTED
        events = history(make, run)
    entered = names(events, "Entered")
    assert entered == names(events, "Exited")
    assert Counter(entered)["First"] == Counter(entered)["Last"] == 1 and len(entered) == 19
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)


def test_an_event_that_was_delivered_twice_starts_one_execution(folder: Path, calls: Calls) -> None:
    with started(folder) as make:
        arn = make.machine(machine(call("first")))
        target = {"Arn": arn, "DeliveryId": "the-id"}
        targets.send(target, '{"n": 1}')
        (run,) = make.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
        make.ended(run["executionArn"])
        targets.send(target, '{"n": 1}')
        assert calls.started == {"first": 1}


def put(key: str, **fields: Any) -> dict[str, Any]:
    """A task that stores an object, each time it runs as a version of its own. The key is an expression."""
    arguments = {"Bucket": "results", "Key": f"{{% $states.context.Execution.Name & '/' & {key} %}}", "Body": "done"}
    return task("arn:aws:states:::aws-sdk:s3:putObject", arguments, **({"Output": "{% $states.input %}"} | fields))


def test_a_killed_process_resumes(folder: Path) -> None:
    """Two executions, so that each kill finds them at different states."""
    items = {
        "Type": "Map",
        "Items": "{% [0, 1, 2, 3, 4, 5] %}",
        "MaxConcurrency": 2,
        "ItemProcessor": branch(put("'item' & $string($states.input)"), {"Type": "Wait", "Seconds": 1, "End": True}),
        "End": True,
    }
    branches = [
        branch(put("'a0'"), {"Type": "Wait", "Seconds": 1, "End": True}, put("'a1'"), put("'a2'")),
        {"StartAt": "Each", "States": {"Each": items}},
    ]
    definition = machine(
        {"Type": "Parallel", "Branches": branches, "Assign": {"all": "{% $states.result %}"}, "Next": "Last"},
        Last=put("'last'", Output="{% $all %}"),
    )
    keys = {"a0", "a1", "a2", "last"} | {f"item{n}" for n in range(6)}
    chance = random.Random(0)
    runs: dict[str, str] = {}
    with up(folder) as cloud:
        cloud.client("s3").create_bucket(Bucket="results")
        cloud.client("s3").put_bucket_versioning(Bucket="results", VersioningConfiguration={"Status": "Enabled"})
        client = cloud.client("stepfunctions")
        arn = client.create_state_machine(
            name="killed",
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn="arn:aws:iam::123456789012:role/states",
        )["stateMachineArn"]
        for name in ("one", "two"):
            runs[name] = client.start_execution(stateMachineArn=arn, name=name, input='"given"')["executionArn"]
            cloud_for(chance)
    kills = 2
    for _ in range(kills - 1):
        with up(folder):
            cloud_for(chance)
    with up(folder) as cloud:
        client = cloud.client("stepfunctions")
        for name, run in runs.items():
            wait_until(lambda run=run: client.describe_execution(executionArn=run)["status"] != "RUNNING")
            ended = client.describe_execution(executionArn=run)
            assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", ["given", [0, 1, 2, 3, 4, 5]])
            listed = cloud.client("s3").list_object_versions(Bucket="results", Prefix=f"{name}/")["Versions"]
            versions = Counter(version["Key"].removeprefix(f"{name}/") for version in listed)
            assert set(versions) == keys and sum(versions.values()) <= len(keys) + 3 * kills
            events = client.get_execution_history(executionArn=run)["events"]
            assert names(events, "Entered") == names(events, "Exited")


def test_an_object_starts_its_execution_although_the_cloud_is_killed_at_once(folder: Path) -> None:
    stored = task(
        "arn:aws:states:::aws-sdk:s3:putObject",
        {"Bucket": "results", "Key": "{% $states.input.detail.object.key %}", "Body": "seen"},
    )
    with up(folder) as cloud:
        s3 = cloud.client("s3")
        for bucket in ("media", "results"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket="media", NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        arn = cloud.client("stepfunctions").create_state_machine(
            name="started",
            definition=json.dumps({"QueryLanguage": "JSONata", **machine(stored)}),
            roleArn="arn:aws:iam::123456789012:role/states",
        )["stateMachineArn"]
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["media"]}}}
        cloud.client("events").put_rule(Name="rule", EventPattern=json.dumps(pattern))
        cloud.client("events").put_targets(Rule="rule", Targets=[{"Id": "only", "Arn": arn}])
        time.sleep(2)  # resources are written a moment after they changed
        for number in range(3):
            s3.put_object(Bucket="media", Key=f"file{number}", Body=b"content")
        cloud.kill()
    with up(folder) as cloud:
        s3, states = cloud.client("s3"), cloud.client("stepfunctions")
        keys = {f"file{number}" for number in range(3)}
        wait_until(lambda: {o["Key"] for o in s3.list_objects_v2(Bucket="results").get("Contents", [])} == keys)
        wait_until(lambda: not states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"])
        assert len(states.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]) == 3


def cloud_for(chance: random.Random) -> None:
    """Let the cloud run until it is killed."""
    time.sleep(chance.uniform(0.1, 1.5))
