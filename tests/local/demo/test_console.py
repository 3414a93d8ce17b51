"""What the demo prints: stages, progress, and the result."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from impp_local.demo.console import EXAMPLES, Console, DeployProgress, result_lines
from impp_local.demo.facts import FileReport, Report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_progress_in_one_line_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    console = Console(out)
    console.progress(3, 155, "files done", ["a\x1b[2J.mp4 Inspect", "20260412_081502_0001F.MP4 Transcode", "9 more"])
    assert out.getvalue() == "\r\x1b[2K" + r"  3 of 155 files done · a\x1b[2J.mp4 I…"


def test_a_pipe_gets_a_line_for_each_tenth_and_now_and_then() -> None:
    out, time = io.StringIO(), 0.0
    console = Console(out, lambda: time)
    for moment, done in enumerate((0, 0, 1, 5, 6, 7, 7, 20, 41, 50, 50)):
        time = float(moment + 17 * (moment > 3))
        console.progress(done, 50, "files done", ["a.mp4 Inspect"])
    assert out.getvalue().split("\n")[:-1] == [
        "  0 of 50 files done",
        "  5 of 50 files done",
        "  6 of 50 files done",  # 19 s later
        "  20 of 50 files done",
        "  50 of 50 files done",
    ]


def test_a_failed_stage_is_marked_and_not_counted() -> None:
    out = io.StringIO()
    console = Console(out)
    with pytest.raises(ValueError, match="no"), console.stage("Deploy"):
        raise ValueError("no")
    with console.stage("Build"):
        pass
    assert "✗ Deploy" in out.getvalue() and "✓ Build" in out.getvalue()
    assert [stage.name for stage in console.stages] == ["Build"]


def test_a_locale_without_check_marks_is_no_error() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(out).line("✓ Build")
    assert out.buffer.getvalue() == b"\\u2713 Build\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_a_small_card_has_a_line_per_file(run: Report, columns: int) -> None:
    lines = list(result_lines(run, columns))
    shown = "\n".join(lines)
    for file in run.files:
        assert sum(line.startswith(("✓", "!", "✗")) and f" {file.state} " in f"{line} " for line in lines) >= 1
    for expected in (
        "Bicycle",
        "$0.0098",
        "Expected: published. Transcribe: timed out.",
        "no moov atom",
        "5 of 8 finished",
        "1 skipped (1 no media)",
    ):
        assert expected in shown or columns == 60
    assert "\x1b" not in shown and "\u202e" not in shown
    assert all(len(line) <= columns for line in lines[:-4])


def many(run: Report, **states: int) -> Report:
    files: list[FileReport] = []
    for state, count in states.items():
        more: dict[str, Any] = {"reason": "not_media", "detail": "begins with 68"} if state == "quarantined" else {}
        more |= {"skipped": {"reason": "empty"}, "failed": {"reason": "cut"}}.get(state, {})
        files += [FileReport(f"{state}/{number}.mp4", 1, state, **more) for number in range(count)]
    return replace(run, files=files)


def test_a_large_card_begins_with_its_problems_and_ends_with_a_summary(run: Report) -> None:
    lines = list(result_lines(many(run, published=140, quarantined=30, skipped=4, failed=1), 100))
    assert lines[:5] == [
        "✗ 1 file failed: Cut.",
        "    failed/0.mp4",
        "! 30 files quarantined: The file is not a video, photo or sound recording.",
        "    quarantined/0.mp4 (begins with 68)",
        "    quarantined/1.mp4 (begins with 68)",
    ]
    assert f"    … and {30 - EXAMPLES} more" in lines
    assert lines[-3] == "175 files: 140 published, 30 quarantined, 4 skipped (4 empty), 1 failed"
    assert lines[-2].startswith("174 of 175 finished as expected in ")
    assert len(lines) < 20


def test_a_run_without_problems_says_so(run: Report) -> None:
    lines = list(result_lines(many(run, published=20), 100))
    assert lines[0] == "No problems." and lines[-3] == "20 files: 20 published"


def test_a_stopped_run_says_so(run: Report) -> None:
    lines = list(result_lines(replace(many(run, published=20, running=3), interrupted=True), 100))
    assert lines[-2].startswith("Stopped early: 20 of 23 finished")


@pytest.mark.parametrize(
    ("plan", "total", "noun"),
    [
        ("2 to add, 0 to change, 0 to destroy", 2, "resources made"),
        ("1 to import, 1 to add, 3 to change, 1 to destroy", 6, "changes made"),
    ],
)
def test_the_progress_of_a_deployment_counts_every_change(plan: str, total: int, noun: str) -> None:
    out = io.StringIO()
    seconds = iter(range(0, 100, 3))
    progress = DeployProgress(Console(out, lambda: next(seconds)))
    progress(f"Plan: {plan}.")
    progress("aws_s3_bucket.this: Creating...")
    for done in ("Creation", "Import", "Modifications", "Destruction"):
        progress(f'module.a["b"].aws_s3_bucket.this: {done} complete after 1s [id=b]')
    assert out.getvalue().splitlines() == [f"  {n} of {max(n, total)} {noun}" for n in (1, 2, 3, 4)]
