"""Output of ``impp-edge status``: during a run, without a network and with hostile names."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click.testing
import pytest
from tests.support.edge.cards import BUCKET, PART, put
from tests.support.paths import REPOSITORY

from impp_edge.bucket.s3 import S3, Labels
from impp_edge.card.find import look
from impp_edge.card.forecast import Forecast
from impp_edge.cli import DONE, WRONG_SETTING, main
from impp_edge.config import Config, Folder
from impp_edge.digest import Digest, digest
from impp_edge.memory import custody
from impp_edge.memory.state import About, Pending, S3Object, State, lock
from impp_edge.run import sync
from impp_edge.show.overview import NAMED, overview, prediction, running, upload_rate

DAY_S = 86_400.0
CLIP = "Record/20260115_081502_NF.mp4"


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def offline_config(card: Path, tmp_path: Path) -> Config:
    """A configuration whose S3 does not exist."""
    return Config(BUCKET, (Folder(card, source="dashcam"),), tmp_path / "state", endpoint_url="http://127.0.0.1:1")


def status(config: Config, *args: str) -> click.testing.Result:
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    return click.testing.CliRunner().invoke(main, ["status", *flags, *map(str, args)])


def record_upload(config: Config, path: Path, state: State, recording: str = "routine") -> None:
    file = look(config.folders[0], path)
    state.remember(config.bucket, file, S3Object("k", "v", "s", "c"), About("dashcam", "car", None, recording))


def test_status_before_the_first_upload(offline_config: Config, card: Path) -> None:
    put(card, CLIP)
    put(card, "notes.txt", b"milk, eggs")
    result = status(offline_config, card)
    assert result.exit_code == DONE
    assert "no run has finished yet" in result.output
    assert "waiting: 1 file (40 B), the oldest " in result.output
    assert "skipped: 1 not media" in result.output and "not uploaded: " + str(card / "notes.txt") in result.output
    assert "custody log: 0 entries\n" in result.output
    assert not offline_config.state.exists()


def test_uploaded_and_failed_files(offline_config: Config, card: Path) -> None:
    state = State(offline_config.state)
    record_upload(offline_config, put(card, CLIP), state)
    event = put(card, "Record/20260115_081602_EF.mp4")
    record_upload(offline_config, event, state, "event")
    evil = put(card, "\x1b[2J\x07\n.mp4")
    state.failed(evil, "S3 returned \x1b[31mno")
    state.failed(evil, "S3 returned \x1b[31mno")
    state.sample(2, 80_000_000, 10.0)
    state.close()
    result = status(offline_config, card)
    assert "\x1b" not in result.output and "\x07" not in result.output
    assert "failed: 1 file, retried" in result.output
    assert "\\x1b[2J\\x07\\n.mp4: S3 returned \\x1b[31mno (2 times, last " in result.output
    assert "uploaded: 2 files (80 B), the last one " in result.output
    assert f"  {BUCKET}: 1 event (40 B)" in result.output
    assert "rate: 8.0 MB/s in the last run that uploaded something, 80.0 MB in the last day" in result.output
    assert "waiting: 1 file" in result.output


def test_json_has_stable_names(offline_config: Config, card: Path) -> None:
    put(card, CLIP)
    document = json.loads(status(offline_config, card, "--json").output)
    assert document.keys() == {
        "now", "bucket", "state", "running", "last_run", "memory", "rates", "under_way", "custody", "queue", "cards",
        "hours", "open", "changes_at",
    }  # fmt: skip
    assert document["queue"].keys() == {"files", "bytes", "oldest", "restless", "skipped", "unknown", "problems"}
    assert document["memory"].keys() >= {"files", "bytes", "last", "totals", "failures", "failed"}
    assert document["custody"] | {"findings": 0} == {
        "entries": 0, "head": custody.GENESIS, "findings": 0, "wrong": 0, "torn": 0, "ok": True,
    }  # fmt: skip
    (one,) = document["cards"]
    assert (one["there"], one["waiting_files"], one["waiting_bytes"]) == (True, 1, 40)
    assert one["forecast"] is None and "too few" in one["no_forecast"]


def test_no_scan_reports_the_state_only(offline_config: Config, card: Path) -> None:
    state = State(offline_config.state)
    record_upload(offline_config, put(card, CLIP), state)
    state.close()
    document = json.loads(status(offline_config, card, "--no-scan", "--json").output)
    assert document["queue"] is None and document["cards"] == [] and document["memory"]["files"] == 1
    bare = click.testing.CliRunner().invoke(main, ["status", "--state", str(offline_config.state)])
    assert bare.exit_code == DONE and "uploaded: 1 file" in bare.output and "waiting" not in bare.output


def test_status_works_during_a_run_and_writes_nothing(offline_config: Config, card: Path) -> None:
    put(card, CLIP, age=1)  # restless: a run would note since when it is quiet
    with lock(offline_config.state):
        state = State(offline_config.state)
        with state.batch():
            state.set("something", "not committed yet")
            result = status(offline_config, card)
        before = {row[0]: row for row in state._each("SELECT * FROM restless")}
        state.close()
    assert result.exit_code == DONE, result.output
    assert f"a run is in progress (process {os.getpid()})" in result.output
    assert "still being written, or truncated: 1 file" in result.output
    assert before == {}


def test_the_lock_holder_is_named(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with lock(tmp_path):
        assert running(tmp_path) == os.getpid()
    assert running(tmp_path) is None  # though its process still lives
    (tmp_path / "lock").write_text("999999999\n")
    with (tmp_path / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert running(tmp_path) is None  # a process that died, and a file system that is slow to know
        (tmp_path / "lock").write_text("")
        assert running(tmp_path) == 0


def test_damaged_state_is_reported(offline_config: Config, card: Path) -> None:
    offline_config.state.mkdir()
    (offline_config.state / "state.sqlite3").write_bytes(b"this is no database, by any means" * 100)
    result = status(offline_config, card)
    assert result.exit_code == WRONG_SETTING and "damaged" in result.output


def test_an_edited_custody_log_is_reported(offline_config: Config, card: Path) -> None:
    log = custody.Log(offline_config.state)
    entry = custody.Entry("uploaded", card / CLIP, 1, 1, "s", "c", BUCKET, "k", None, None, "car", None)
    log.append([entry, entry])
    log.close()
    path = offline_config.state / custody.NAME
    path.write_bytes(path.read_bytes().replace(b'"size":1', b'"size":2', 1))
    result = status(offline_config, card)
    assert "custody log: 2 entries" in result.output and "NOT WHOLE" in result.output


def test_an_absent_card_is_reported(offline_config: Config, card: Path) -> None:
    card.rmdir()
    config = replace(offline_config, folders=(replace(offline_config.folders[0]),))
    report = overview(config.state, config, scan=True)
    assert [(one.there, one.no_forecast) for one in report.cards] == [(False, "the folder does not exist")]
    assert report.queue is not None and report.queue.files == 0


def test_unknown_files_are_named_up_to_a_limit(offline_config: Config, card: Path) -> None:
    for i in range(NAMED + 5):
        put(card, f"{i:03}.txt", b"text")
    config = replace(offline_config, folders=(replace(offline_config.folders[0], unknown="skip"),))
    report = overview(config.state, config, scan=True)
    assert report.queue is not None and report.queue.skipped == {"no known camera": NAMED + 5}
    assert len(report.queue.unknown) == NAMED


def test_hours_and_limit_reduce_the_upload_rate(offline_config: Config, card: Path) -> None:
    state = State(offline_config.state)
    assert upload_rate(state, offline_config, time.time()) is None
    state.sample(1, 100_000_000, 10.0)
    now = time.time()
    assert upload_rate(state, offline_config, now) == pytest.approx(10e6)
    assert upload_rate(state, replace(offline_config, limit_mbit=8.0), now) == pytest.approx(1e6)
    night = replace(offline_config, hours=("00:00-06:00",))
    assert upload_rate(state, night, now) == pytest.approx(2.5e6, rel=0.02)
    assert upload_rate(state, offline_config, now + 30 * DAY_S) is None
    state.close()
    report = overview(offline_config.state, night, scan=False)
    assert report.changes_at is not None and report.hours == ("00:00-06:00",)


def test_the_forecast_uses_uploaded_and_waiting_clips(offline_config: Config, card: Path) -> None:
    state = State(offline_config.state)
    for day in range(2, 12):
        for i in range(2):
            clip = put(card, f"Record/2026{day:02}15_08150{i}_NF.mp4", bytes(1000), age=day * DAY_S)
            record_upload(offline_config, clip, state)
    put(card, "Record/20260101_080000_NF.mp4", bytes(1000), age=DAY_S)
    put(card, "Record/20260101_080100_EF.mp4", bytes(1000), age=DAY_S)  # not in the loop
    state.sample(20, 20_000, 1.0)
    state.close()
    report = overview(offline_config.state, offline_config, scan=True)
    forecast = report.cards[0].forecast
    assert forecast is not None and (forecast.verdict, forecast.waiting_bytes) == ("safe", 1000)
    assert forecast.written_per_s == pytest.approx(21_000 / (11 * DAY_S), rel=0.1)
    assert report.cards[0].waiting_files == 2


SENTENCES = {
    "safe: nothing waits": Forecast("safe", 0, 1e6, None, None),
    "footage will be lost in about 2 h unless it is": Forecast("lost", 1, 1e6, None, None, 7200.0, None, 7200.0),
    "footage will be lost in about 1 h unless uploads become": Forecast("lost", 1, 1e6, 2e6, 1e5, 7200.0, 60.0, 3600.0),
    "footage will be lost now unless": Forecast("lost", 1, 1e6, 2e6, 1e5, 0.0, 0.0, 0.0),
    "safe: all is uploaded in about 1 min; the camera reaches":
        Forecast("safe", 1, 1e6, 2e6, 3e6, 9e5, 9e4, None, 60.0),
    "tight: the backlog stays; the camera reaches": Forecast("tight", 1, 1e6, 2e6, 1e6, 9e5, 9e4),
}  # fmt: skip


@pytest.mark.parametrize(("words", "forecast"), SENTENCES.items(), ids=SENTENCES.keys())
def test_the_forecast_as_text(words: str, forecast: Forecast) -> None:
    assert prediction(forecast, 0.0).startswith(words)
    assert "the camera writes 86.4 GB per day" in prediction(forecast, 0.0)


# --- with a bucket ----------------------------------------------------------------------------------------------------


def test_status_after_a_run(config: Config, card: Path) -> None:
    put(card, CLIP)
    sync.run(config)
    result = status(config, card)
    assert "last run ended " in result.output and "(0 s ago), complete" in result.output
    assert "waiting: 0 files" in result.output and "custody log: 1 entry, newest " in result.output
    document = json.loads(status(config, card, "--json").output)
    run = document["last_run"]
    assert run["brought"] + run["there"] == 1  # there: an answer got lost, and it was sent again
    assert document["last_run"]["at"] <= document["now"]
    assert document["rates"]["last_bytes"] == 40


def test_uploads_in_progress_are_shown_with_their_progress(config: Config, card: Path) -> None:
    path = put(card, CLIP, bytes(2 * PART))
    file = look(config.folders[0], path)
    with path.open("rb") as stream:
        content: Digest = digest(stream, PART)
    s3 = S3(config.bucket, endpoint_url=config.endpoint_url)
    upload, _ = s3.create("originals/x.mp4", Labels({}, {}, "video/mp4"))
    s3.part("originals/x.mp4", upload, 1, _Bytes(PART), content.parts[0])
    s3.close()
    state = State(config.state)
    state.begin(BUCKET, file, Pending("originals/x.mp4", upload, content))
    state.close()
    assert f"in progress: {path} ({2 * PART / 1e6:.1f} MB)" in status(config, card).output
    assert f"in progress: {path} (50% of {2 * PART / 1e6:.1f} MB)" in status(config, card, "--online").output
    offline = status(replace(config, endpoint_url="http://127.0.0.1:1"), card, "--json")
    assert json.loads(offline.output)["under_way"][0]["sent_bytes"] is None


class _Bytes:
    """A body of zeros."""

    def __init__(self, size: int) -> None:
        self.size = size

    def blocks(self, most: int) -> Any:
        for at in range(0, self.size, most):
            yield memoryview(bytes(min(most, self.size - at)))


def test_status_imports_no_transfer_libraries(offline_config: Config, card: Path) -> None:
    put(card, CLIP)
    code = (
        "import sys; sys.argv = ['impp-edge', *sys.argv[1:]]\n"
        "from impp_edge.cli import main\n"
        "try: main()\n"
        "finally: assert not {'boto3', 'botocore', 'anycrc', 'watchdog', 'ssl'} & sys.modules.keys()"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "edge")}
    args = ["status", str(card), "--bucket", BUCKET, "--state", str(offline_config.state)]
    done = subprocess.run([sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (DONE, "")
