"""What a run shows: to a person, to a program, to Prometheus."""

from __future__ import annotations

import json
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from impp_edge.show import metrics, report

SUMMARY: dict[str, Any] = {
    "event": "summary", "brought": 2, "there": 0, "known": 3, "restless": 0, "skipped": 1, "failed": 0, "bytes": 2048,
    "skipped_because": {"no media": 1}, "seconds": 1.25, "stopped": None,
}  # fmt: skip


@dataclass
class Result:
    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    seconds: float = 1.5
    complete: bool = True
    waiting_bytes: int = 0
    oldest_waiting: float | None = None


class Kept:
    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def set(self, name: str, value: str) -> None:
        self._values[name] = value


def told(capsys: pytest.CaptureFixture[str], tell: report.Tell, *events: dict[str, Any]) -> tuple[str, str]:
    for event in events:
        tell(event)
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_one_line_when_nobody_watches_and_none_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    progress = {"event": "progress", "files": 1, "of_files": 2, "bytes": 1, "of_bytes": 2}
    out, err = told(capsys, report.Human(), progress, SUMMARY)
    assert (out, err) == ("2 brought (2.0 kB), 3 known, 1 skipped (1 no media) in 1.2 s\n", "")
    assert told(capsys, report.Human(quiet=True), progress, SUMMARY) == ("", "")


def test_trouble_is_said_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"event": "failed", "path": "/card/\x1b[2Ja.mp4", "reason": "cannot be read: \x1b[2J"}
    out, err = told(capsys, report.Human(quiet=True), failed, SUMMARY | {"failed": 1, "stopped": "offline"})
    assert out == ""
    assert "failed: /card/\\x1b[2Ja.mp4: cannot be read" in err and "\x1b" not in err
    assert err.endswith("1 failed in 1.2 s; stopped: offline\n")


def test_a_terminal_shows_share_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    clock = iter([0.0, 10.0])
    human = report.Human(clock=lambda: next(clock))
    event = {"event": "progress", "files": 0, "of_files": 4, "bytes": 0, "of_bytes": 400_000_000}
    _, err = told(capsys, human, event, event | {"files": 1, "bytes": 100_000_000})
    assert err.endswith("[####..........] 1 of 4 files, 100.0 MB of 400.0 MB, 10.0 MB/s, 30 s left")
    assert not human_line_is_longer_than(capsys, human, monkeypatch, 20)


def human_line_is_longer_than(
    capsys: pytest.CaptureFixture[str], human: report.Human, monkeypatch: pytest.MonkeyPatch, columns: int
) -> bool:
    monkeypatch.setenv("COLUMNS", str(columns))
    human._clock = lambda: 20.0
    _, err = told(capsys, human, {"event": "progress", "files": 2, "of_files": 4, "bytes": 2, "of_bytes": 4})
    return len(err.removeprefix("\r\x1b[K")) >= columns


def test_the_rate_is_that_of_the_last_seconds_and_never_below_nothing() -> None:
    assert report.rate(deque()) == report.rate(deque([(1.0, 5)])) == 0
    assert report.rate(deque([(0.0, 0), (2.0, 10)])) == 5
    assert report.rate(deque([(0.0, 10), (2.0, 0)])) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (600, "10 min"), (3600, "1 h"), (11_400, "3 h 10 min"), (4.5e5, "5 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_json_has_every_event_but_progress(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = told(capsys, report.json_lines, {"event": "progress"}, {"event": "failed", "path": "ü\n"}, SUMMARY)
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["failed", "summary"]


def test_metrics_are_replaced_as_a_whole_and_remember_the_last_complete_run(tmp_path: Path) -> None:
    path, state = tmp_path / "impp.prom", Kept()
    late = Result(Counter(failed=1), complete=False, oldest_waiting=1500)
    assert metrics.write(path, state, Result(Counter(brought=2), bytes=7), now=1000.0) is None
    assert metrics.write(path, state, late, now=2000.0) is None
    lines = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert lines["impp_edge_last_run_timestamp_seconds"] == "2000"
    assert lines["impp_edge_last_complete_timestamp_seconds"] == "1000"
    assert lines["impp_edge_last_run_complete"] == "0" and lines['impp_edge_last_run_files{result="failed"}'] == "1"
    assert lines["impp_edge_oldest_waiting_seconds"] == "500"
    assert path.stat().st_mode & 0o777 == 0o644 and list(tmp_path.iterdir()) == [path]


def test_a_run_that_goes_on_is_not_complete_yet(tmp_path: Path) -> None:
    state = Kept()
    metrics.write(tmp_path / "impp.prom", state, Result(), now=1000.0, ended=False)
    assert "last_complete" not in (tmp_path / "impp.prom").read_text() and state.get(metrics.LAST_COMPLETE) is None


def test_metrics_that_cannot_be_written_are_a_reason_and_no_failure(tmp_path: Path) -> None:
    reason = metrics.write(tmp_path / "none" / "impp.prom", Kept(), Result())
    assert reason is not None and "metrics cannot be written: No such file or directory" in reason
