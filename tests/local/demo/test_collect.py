"""Reports from the data in the cloud: the state and timeline of each file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from impp_local.demo.collect import CardFile, Execution, Original, file_reports, match, plain, steps
from impp_local.demo.facts import Expectation, FileReport

NOON = datetime(2026, 4, 12, 12, tzinfo=UTC)
SHA = {name: (name * 64)[:64] for name in "abcdef"}


class FakeCloud:
    """Answers of a deployed environment, held in memory."""

    def __init__(self) -> None:
        self.held: list[Original] = []
        self.items: dict[str, dict[str, Any]] = {}
        self.runs: list[Execution] = []
        self.events: dict[str, list[dict[str, Any]]] = {}

    def originals(self) -> list[Original]:
        return self.held

    def catalog(self) -> dict[str, dict[str, Any]]:
        return self.items

    def executions(self) -> list[Execution]:
        return self.runs

    def history(self, arn: str) -> list[dict[str, Any]]:
        return self.events.get(arn, [])

    def put(self, key: str, sha256: str, status: str = "SUCCEEDED", seconds: float = 10) -> None:
        self.held.append(Original(key, sha256, key.rsplit("/", 1)[-1]))
        arn = f"arn:{len(self.runs)}"
        stopped = None if status == "RUNNING" else NOON + timedelta(seconds=seconds)
        self.runs.append(Execution(arn, key, status, NOON, stopped))

    def record(self, sha256: str, key: str, state: str, **more: Any) -> None:
        asset = sha256[:20]
        self.items[asset] = {"asset": asset, "key": key, "state": state, **more}


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


def card_file(
    folder: Path, file: str, sha256: str, *, media: bool = True, expected: Expectation | None = None
) -> CardFile:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"123")
    return CardFile(path, file, sha256, media, expected)


def test_each_file_is_reported_with_its_state(cloud: FakeCloud, tmp_path: Path) -> None:
    good = "originals/dashcam/x/2026/04/12/good.mp4"
    cloud.put(good, SHA["a"], seconds=20)
    cloud.put("originals/dashcam/x/2026/04/12/copy.mp4", SHA["a"], seconds=1)
    cloud.put("originals/dashcam/x/2026/04/12/bad.mp4", SHA["b"], "FAILED")
    cloud.put("originals/dashcam/x/2026/04/12/dead.mp4", SHA["c"], "TIMED_OUT")
    cloud.put("originals/dashcam/x/2026/04/12/slow.mp4", SHA["d"], "RUNNING")
    cloud.record(SHA["a"], good, "published", labels=[{"name": "Car"}], usd=0.01, usd_quote=0.02, faces=1)
    cloud.record(SHA["b"], "originals/dashcam/x/2026/04/12/bad.mp4", "quarantined", reason="truncated")
    card = [
        card_file(tmp_path, "DCIM/good.mp4", SHA["a"]),
        card_file(tmp_path, "DCIM/copy.mp4", SHA["a"]),
        card_file(tmp_path, "again.mp4", SHA["a"]),  # the same content a third time, which the edge kept at home
        card_file(tmp_path, "DCIM/bad.mp4", SHA["b"]),
        card_file(tmp_path, "DCIM/dead.mp4", SHA["c"]),
        card_file(tmp_path, "DCIM/slow.mp4", SHA["d"]),
        card_file(tmp_path, "DCIM/lost.mp4", SHA["e"]),
        card_file(tmp_path, "notes.txt", SHA["f"], media=False),
    ]
    alerts = [{"asset": SHA["b"][:20], "severity": "critical", "kind": "quarantined", "title": "Quarantined"}]
    reports = {report.file: report for report in file_reports(card, cloud, alerts, {})}  # type: ignore[arg-type]
    assert {file: (report.state, report.as_expected) for file, report in reports.items()} == {
        "DCIM/good.mp4": ("published", True),
        "DCIM/copy.mp4": ("duplicate", True),
        "again.mp4": ("duplicate", True),
        "DCIM/bad.mp4": ("quarantined", True),
        "DCIM/dead.mp4": ("failed", False),
        "DCIM/slow.mp4": ("running", False),
        "DCIM/lost.mp4": ("missing", False),
        "notes.txt": ("ignored", True),
    }
    assert reports["DCIM/bad.mp4"].reason == "truncated" and reports["DCIM/bad.mp4"].alerts == alerts
    assert good in str(reports["again.mp4"].reason)
    assert sum(report.usd for report in reports.values()) == 0.01  # a duplicate is not charged again


def test_files_of_equal_content_keep_their_own_names(tmp_path: Path) -> None:
    one, two = (
        Original("originals/p/d/1/b.mp4", SHA["a"], "b.mp4"),
        Original("originals/p/d/1/a.mp4", SHA["a"], "a.mp4"),
    )
    files = [card_file(tmp_path, name, SHA["a"]) for name in ("a.mp4", "b.mp4", "c.mp4")]
    assert [original and original.name for _, original in match(files, [one, two])] == ["a.mp4", "b.mp4", None]
    renamed = replace(two, name="elsewhere.mp4")
    assert [original and original.name for _, original in match(files, [one, renamed])] == [
        "elsewhere.mp4",
        "b.mp4",
        None,
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


@pytest.mark.parametrize(
    ("state", "reason", "expected", "right"),
    [
        ("published", None, None, True),
        ("quarantined", "truncated", None, True),
        ("quarantined", None, None, False),  # a bad end without a reason is none
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
