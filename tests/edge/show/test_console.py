"""What a run prints: for a person and for a program."""

from __future__ import annotations

import json
import sys
from collections import deque
from typing import Any

import pytest

from impp_edge import events
from impp_edge.show import console

SUMMARY: dict[str, Any] = {
    "event": "summary", "brought": 2, "there": 0, "known": 3, "restless": 0, "skipped": 1, "failed": 0, "bytes": 2048,
    "skipped_because": {"no media": 1}, "seconds": 1.25, "stopped": None,
}  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], tell: events.Reporter, *events: dict[str, Any]) -> tuple[str, str]:
    for event in events:
        tell(event)
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_prints_one_summary_line_and_none_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    progress = {"event": "progress", "files": 1, "of_files": 2, "bytes": 1, "of_bytes": 2}
    out, err = printed(capsys, console.Human(), progress, SUMMARY)
    assert (out, err) == ("2 uploaded (2.0 kB), 3 known, 1 skipped (1 no media) in 1.2 s\n", "")
    assert printed(capsys, console.Human(quiet=True), progress, SUMMARY) == ("", "")


def test_prints_problems_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"event": "failed", "path": "/card/\x1b[2Ja.mp4", "reason": "cannot be read: \x1b[2J"}
    out, err = printed(capsys, console.Human(quiet=True), failed, SUMMARY | {"failed": 1, "stopped": "offline"})
    assert out == ""
    assert "failed: /card/\\x1b[2Ja.mp4: cannot be read" in err and "\x1b" not in err
    assert err.endswith("1 failed in 1.2 s; stopped: offline\n")


@pytest.mark.parametrize("kind", ["failed", "brought", "waiting", "note", "removed", "would bring", "would remove"])
def test_no_name_and_no_reason_controls_the_terminal(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    hostile = "\x1b]0;title\x07\x9b31m\u202e4pm.exe"
    event = {"event": kind, "path": hostile, "key": hostile, "reason": hostile, "renamed": True, "size": 1}
    text = "".join(printed(capsys, console.Human(), event)).rstrip("\n")
    assert text.isprintable() and text


def test_a_terminal_shows_progress_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    clock = iter([0.0, 10.0])
    human = console.Human(clock=lambda: next(clock))
    event = {"event": "progress", "files": 0, "of_files": 4, "bytes": 0, "of_bytes": 400_000_000}
    _, err = printed(capsys, human, event, event | {"files": 1, "bytes": 100_000_000})
    assert err.endswith("[####..........] 1 of 4 files, 100.0 MB of 400.0 MB, 10.0 MB/s, 30 s left")
    assert not progress_line_is_longer_than(capsys, human, monkeypatch, 20)


def progress_line_is_longer_than(
    capsys: pytest.CaptureFixture[str], human: console.Human, monkeypatch: pytest.MonkeyPatch, columns: int
) -> bool:
    monkeypatch.setenv("COLUMNS", str(columns))
    human._clock = lambda: 20.0
    _, err = printed(capsys, human, {"event": "progress", "files": 2, "of_files": 4, "bytes": 2, "of_bytes": 4})
    return len(err.removeprefix("\r\x1b[K")) >= columns


def test_the_rate_covers_the_last_seconds_and_is_never_negative() -> None:
    assert console.rate(deque()) == console.rate(deque([(1.0, 5)])) == 0
    assert console.rate(deque([(0.0, 0), (2.0, 10)])) == 5
    assert console.rate(deque([(0.0, 10), (2.0, 0)])) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (600, "10 min"), (3600, "1 h"), (11_400, "3 h 10 min"), (4.5e5, "5 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert events.duration(seconds) == text


def test_json_has_every_event_except_progress(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, console.json_lines, {"event": "progress"}, {"event": "failed", "path": "ü\n"}, SUMMARY)
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["failed", "summary"]
