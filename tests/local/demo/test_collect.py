"""Reports from the data in the cloud: the state and timeline of each file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from impp_local.demo.card import CardFile, Outcome
from impp_local.demo.collect import Cloud, Execution, file_reports, plain, steps
from impp_local.demo.facts import Expectation, FileReport

NOON = datetime(2026, 4, 12, 12, tzinfo=UTC)
SHA = {name: (name * 64)[:64] for name in "abcdef"}


class FakeCloud:
    """Answers of a deployed environment, held in memory, and what the edge script reported."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.runs: list[Execution] = []
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.outcomes: dict[str, Outcome] = {}

    def catalog(self) -> dict[str, dict[str, Any]]:
        return self.items

    def executions(self) -> list[Execution]:
        return self.runs

    def history(self, arn: str) -> list[dict[str, Any]]:
        return self.events.get(arn, [])

    def upload(self, file: str, sha256: str, key: str | None = None) -> str:
        key = key or f"originals/dashcam/x/2026/04/12/{file}"
        self.outcomes[file] = Outcome("uploaded", key, sha256)
        return key

    def put(self, file: str, sha256: str, status: str = "SUCCEEDED", seconds: float = 10) -> str:
        key = self.upload(file, sha256)
        arn = f"arn:{len(self.runs)}"
        stopped = None if status == "RUNNING" else NOON + timedelta(seconds=seconds)
        self.runs.append(Execution(arn, key, status, NOON, stopped))
        return key

    def record(self, sha256: str, key: str, state: str, asset: str | None = None, **more: Any) -> None:
        asset = asset or sha256[:20]
        self.items[asset] = {"asset": asset, "key": key, "state": state, **more}

    def reports(
        self, files: list[str], alerts: Sequence[Mapping[str, Any]] = (), stalled: Mapping[str, str] | None = None
    ) -> dict[str, FileReport]:
        card = [CardFile(Path(file), file, 3) for file in files]
        reports = file_reports(card, lambda file: self.outcomes.get(file.file), self, alerts, {}, stalled or {})  # type: ignore[arg-type]
        return {report.file: report for report in reports}


class FakeStates:
    """Step Functions with pages of two executions, newest first."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.asked = 0

    def get_paginator(self, _operation: str) -> FakeStates:
        return self

    def paginate(self, stateMachineArn: str, statusFilter: str | None = None) -> Iterator[dict[str, Any]]:
        names = [name for name in reversed(self.statuses) if statusFilter in (None, self.statuses[name])]
        for start in range(0, max(len(names), 1), 2):
            self.asked += 1
            yield {"executions": [self._entry(name) for name in names[start : start + 2]]}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        self.asked += 1
        document = {"detail": {"object": {"key": f"originals/{executionArn}"}}}
        return {**self._entry(executionArn), "input": json.dumps(document)}

    def _entry(self, name: str) -> dict[str, Any]:
        moment = NOON + timedelta(seconds=list(self.statuses).index(name))
        ended = {} if self.statuses[name] == "RUNNING" else {"stopDate": moment}
        return {"executionArn": name, "status": self.statuses[name], "startDate": moment, **ended}


def test_executions_that_ended_are_asked_for_once() -> None:
    states = FakeStates()
    cloud = Cloud(lambda _service: states, {"state_machine_arn": "machine"})
    states.statuses = {"old": "RUNNING"} | {f"n{number}": "SUCCEEDED" for number in range(50)}
    assert len(cloud.executions()) == 51

    states.asked = 0
    states.statuses |= {"old": "FAILED", "new": "RUNNING"}
    executions = {execution.arn: execution for execution in cloud.executions()}
    assert states.asked < 6
    assert executions["old"].status == "FAILED" and executions["old"].stopped
    assert executions["new"].key == "originals/new" and executions["new"].stopped is None
    assert list(executions) == list(states.statuses)


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


def test_each_file_is_reported_with_its_state(cloud: FakeCloud) -> None:
    good = cloud.put("good.mp4", SHA["a"], seconds=20)
    cloud.put("copy.mp4", SHA["a"], seconds=1)
    cloud.upload("again.mp4", SHA["a"], good)  # the same content a third time, which the edge kept at home
    bad = cloud.put("bad.mp4", SHA["b"], "FAILED")
    cloud.put("dead.mp4", SHA["c"], "TIMED_OUT")
    cloud.put("slow.mp4", SHA["d"], "RUNNING")
    cloud.record(SHA["a"], good, "published", labels=[{"name": "Car"}], usd=0.01, usd_quote=0.02, faces=1)
    cloud.record(SHA["b"], bad, "quarantined", reason="truncated", detail="no moov box")
    cloud.outcomes |= {
        "denied.mp4": Outcome("failed", reason="cannot be read: Permission denied"),
        "link.mp4": Outcome("skipped", reason="link"),
        "notes.txt": Outcome("skipped", reason="no media"),
        "good.srt": Outcome("sidecar", "sidecars/good.srt"),
    }
    files = [*cloud.outcomes, "lost.mp4"]
    alerts = [{"asset": SHA["b"][:20], "severity": "critical", "kind": "quarantined", "title": "Quarantined"}]
    reports = cloud.reports(files, alerts)
    assert {file: (report.state, report.as_expected) for file, report in reports.items()} == {
        "good.mp4": ("published", True),
        "copy.mp4": ("duplicate", True),
        "again.mp4": ("duplicate", True),
        "bad.mp4": ("quarantined", True),
        "dead.mp4": ("failed", False),
        "slow.mp4": ("running", False),
        "denied.mp4": ("missing", False),
        "link.mp4": ("skipped", True),
        "notes.txt": ("skipped", True),
        "good.srt": ("sidecar", True),
        "lost.mp4": ("missing", False),
    }
    assert reports["bad.mp4"].explanation.endswith("before its end (no moov box).")
    assert reports["bad.mp4"].alerts == alerts
    assert good in str(reports["again.mp4"].reason)
    assert "Permission denied" in reports["denied.mp4"].explanation
    assert sum(report.usd for report in reports.values()) == 0.01  # a duplicate is not charged again


def test_a_damaged_copy_has_the_item_of_its_own_key(cloud: FakeCloud) -> None:
    whole, copy = cloud.put("whole.mp4", SHA["a"]), cloud.put("copy.mp4", SHA["a"], "FAILED")
    cloud.record(SHA["a"], whole, "published")
    cloud.record(SHA["a"], copy, "quarantined", asset="own", reason="checksum_mismatch")
    reports = cloud.reports(["whole.mp4", "copy.mp4"])
    assert [report.state for report in reports.values()] == ["published", "quarantined"]


def test_what_had_not_finished_says_where_it_was(cloud: FakeCloud) -> None:
    key = cloud.put("slow.mp4", SHA["a"], "RUNNING")
    unstarted = cloud.upload("unstarted.mp4", SHA["b"])
    cloud.events["arn:0"] = [event(1, 0, "ExecutionStarted"), event(2, 0, "TaskStateEntered", "Transcode")]
    cloud.outcomes["waiting.mp4"] = Outcome("waiting")
    files = list(cloud.outcomes)
    assert [(report.state, report.explanation) for report in cloud.reports(files).values()] == [
        ("running", "The run was stopped before it had finished, in Transcode."),
        ("running", "The run was stopped before it had finished, in Start."),
        ("running", "The run was stopped before it was uploaded."),
    ]
    stalled = dict.fromkeys((key, unstarted), "no progress for 16 minutes")
    assert [(report.state, report.explanation) for report in cloud.reports(files, stalled=stalled).values()][:2] == [
        ("stalled", "No progress for 16 minutes, in Transcode."),
        ("stalled", "No progress for 16 minutes, in Start."),
    ]


def event(number: int, seconds: float, kind: str, name: str | None = None, before: int = 0) -> dict[str, Any]:
    history_event: dict[str, Any] = {"id": number, "timestamp": NOON + timedelta(seconds=seconds), "type": kind}
    history_event["previousEventId"] = before
    if kind.endswith("StateEntered"):
        history_event["stateEnteredEventDetails"] = {"name": name}
    if kind.endswith("StateExited"):
        history_event["stateExitedEventDetails"] = {"name": name}
    return history_event


def test_a_history_is_turned_into_a_timeline() -> None:
    history = [
        event(1, 0.0, "ExecutionStarted"),
        event(2, 0.0, "TaskStateEntered", "Claim"),
        event(3, 0.5, "TaskSucceeded", before=2),
        event(4, 0.5, "TaskStateExited", "Claim", before=3),
        event(5, 1.0, "ParallelStateEntered", "Understand"),
        event(6, 1.0, "TaskStateEntered", "Analyze"),
        event(7, 1.0, "TaskStateEntered", "Transcribe"),
        event(8, 3.0, "TaskTimedOut", before=7),
        event(9, 3.0, "TaskStateExited", "Transcribe", before=8),
        event(10, 4.0, "ExecutionFailed", before=6),
    ]
    assert [(step.name, step.start_s, step.seconds, step.status) for step in steps(history, ended=True)] == [
        ("Claim", 0.0, 0.5, "succeeded"),
        ("Understand", 1.0, 3.0, "failed"),
        ("Analyze", 1.0, 3.0, "failed"),
        ("Transcribe", 1.0, 2.0, "caught"),
    ]
    assert {step.status for step in steps(history[:7], ended=False)} == {"succeeded", "running"}
    assert steps([], ended=False) == []


def test_a_reply_of_a_function_is_no_failure_of_its_state() -> None:
    history = [event(1, 0.0, "TaskStateEntered", "Renditions"), event(2, 1.0, "TaskFailed", before=1)]
    history.append(event(3, 1.0, "TaskStateExited", "Renditions", before=2))
    for error, status in [("MediaConvertOnly", "succeeded"), ("ValueError", "caught")]:
        history[1]["taskFailedEventDetails"] = {"error": error}
        assert [step.status for step in steps(history, ended=False)] == [status]


def test_the_items_of_a_map_are_steps_of_their_own() -> None:
    history = [
        event(1, 0.0, "ExecutionStarted"),
        event(2, 0.0, "TaskStateEntered", "SamplePart"),
        event(3, 0.0, "TaskStateEntered", "SamplePart"),
        event(4, 1.0, "TaskStateExited", "SamplePart"),
        event(5, 1.0, "TaskStateEntered", "SamplePart"),
        event(6, 2.0, "TaskStateExited", "SamplePart"),
        event(7, 4.0, "TaskStateExited", "SamplePart"),
    ]
    assert [(step.start_s, step.seconds) for step in steps(history, ended=True)] == [(0, 1), (0, 2), (1, 3)]


@pytest.mark.parametrize(
    ("state", "reason", "expected", "right"),
    [
        ("published", None, None, True),
        ("quarantined", "truncated", None, True),
        ("quarantined", None, None, False),  # a bad end without a reason is none
        ("skipped", "link", None, True),
        ("stalled", "no progress", None, False),
        ("deferred", "over the monthly budget", None, True),
        ("failed", "States.Timeout", None, False),
        ("gone", "deleted", None, False),
        ("quarantined", "truncated: no moov", Expectation("quarantined", "truncated"), True),
        ("quarantined", "corrupt", Expectation("quarantined", "truncated"), False),
        ("published", None, Expectation("quarantined"), False),
        ("partial", "x", Expectation("published"), False),
    ],
)
def test_a_file_finishes_as_expected_or_in_a_clear_state(
    state: str, reason: str | None, expected: Expectation | None, right: bool
) -> None:
    assert FileReport("a.mp4", 1, state, reason, expected=expected).as_expected is right


def test_catalog_values_are_plain() -> None:
    assert plain({"a": [Decimal("1"), Decimal("0.25")], "b": {"x"}, "c": None}) == {
        "a": [1, 0.25],
        "b": ["x"],
        "c": None,
    }
    assert isinstance(plain(Decimal("3")), int)
