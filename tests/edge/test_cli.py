"""The commands as users see them: exit codes, messages with advice, output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click.testing
import pytest
from tests.support.edge.cards import BUCKET, MP4, PART, noise, objects, put
from tests.support.paths import REPOSITORY

from impp_edge.bucket.checksums import PROBE
from impp_edge.cli import DONE, LOCKED, SOME_FAILED, WRONG_SETTING, main
from impp_edge.config import Config
from impp_edge.memory.state import State, lock

pytestmark = pytest.mark.slow

CLIP = "Record/20260115_081502_EF.mp4"


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def call(config: Config, *args: str) -> click.testing.Result:
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    return click.testing.CliRunner().invoke(main, ["sync", *flags, *args])


def test_a_complete_run_prints_one_summary_line(config: Config, card: Path, s3: Any) -> None:
    put(card, CLIP)
    result = call(config, str(card))
    assert result.exit_code == DONE
    assert result.output.startswith("1 uploaded (40 B) in ")
    again = call(config, str(card), "--quiet")
    assert (again.exit_code, again.output) == (DONE, "")
    assert list(objects(s3)) == ["originals/dashcam/blackvue/2026/01/15/20260115_081502_EF.mp4"]


def test_json_prints_one_object_per_line(config: Config, card: Path) -> None:
    put(card, CLIP)
    put(card, "new\nline ü.mp4")
    put(card, "notes.txt", b"text")
    lines = [json.loads(line) for line in call(config, str(card), "--json", "--workers", "1").stdout.splitlines()]
    assert [line["event"] for line in lines] == ["skipped", "brought", "brought", "summary"]
    assert lines[-1]["skipped_because"] == {"no media": 1} and lines[-1]["bytes"] == 80
    assert {"key", "sha256", "crc64nvme", "version", "captured", "size"} <= lines[1].keys()


def test_names_are_printed_without_control_characters(
    config: Config, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(card, "\x1b[2J\x07\n.mp4")
    monkeypatch.setattr("impp_edge.run.workers.digest", lambda *_: 1 / 0)
    result = call(config, str(card))
    assert result.exit_code == SOME_FAILED
    assert "\x1b" not in result.output and "\\x1b[2J\\x07\\n.mp4: ZeroDivisionError" in result.output


def test_failures_exit_with_code_1_and_are_recorded_for_status(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(card, CLIP)
    with monkeypatch.context() as broken:
        broken.setattr("impp_edge.run.workers.digest", lambda *_: 1 / 0)
        assert call(config, str(card)).exit_code == SOME_FAILED
    state = State(config.state, write=False)
    assert [(f.reason, f.times) for f in state.status().failed] == [("ZeroDivisionError: division by zero", 1)]
    state.close()
    assert call(config, str(card)).exit_code == DONE
    state = State(config.state, write=False)
    assert (state.status().failures, state.status().files) == (0, 1)
    state.close()


def test_a_missing_network_is_reported_in_one_line(config: Config, card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impp_edge.bucket.backoff.BACKOFF_BASE_S", 0.001)
    put(card, CLIP)
    flags = ["--bucket", BUCKET, "--endpoint-url", "http://127.0.0.1:1", "--state", str(config.state)]
    result = click.testing.CliRunner().invoke(main, ["sync", *flags, str(card), "--quiet"])
    assert result.exit_code == SOME_FAILED
    assert result.stderr.count("\n") == 1 and "1 waiting" in result.stderr and "cannot be reached" in result.stderr


def test_a_concurrent_run_exits_with_code_3(config: Config, card: Path) -> None:
    with lock(config.state):
        result = call(config, str(card))
    assert result.exit_code == LOCKED and "another run (process" in result.output


def test_wrong_settings_exit_with_code_2(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(card, CLIP)
    state = str(config.state)
    runner = click.testing.CliRunner()
    no_bucket = runner.invoke(main, ["sync", str(card), "--state", state])
    assert no_bucket.exit_code == WRONG_SETTING and "bucket is missing" in no_bucket.output
    flags = ["--state", state, "--endpoint-url", str(config.endpoint_url)]
    gone = runner.invoke(main, ["sync", str(card), "--bucket", "not-there-at-all", *flags])
    assert gone.exit_code == WRONG_SETTING and "NoSuchBucket" in gone.output
    profile = runner.invoke(main, ["sync", str(card), "--bucket", BUCKET, "--profile", "nobody", *flags])
    assert profile.exit_code == WRONG_SETTING and "nobody" in profile.output
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    nobody = runner.invoke(main, ["sync", str(card), "--bucket", BUCKET, *flags])
    assert nobody.exit_code == WRONG_SETTING and "no AWS credentials" in nobody.output


def test_damaged_state_is_set_aside_reported_and_recreated(config: Config, card: Path, s3: Any) -> None:
    put(card, CLIP)
    assert call(config, str(card)).exit_code == DONE
    for file in config.state.glob("state.sqlite3*"):
        file.unlink()
    (config.state / "state.sqlite3").write_bytes(b"this is no database, by any means" * 100)
    result = call(config, str(card))
    assert result.exit_code == DONE and "was damaged" in result.stderr and "1 already in the bucket" in result.stdout
    assert call(config, str(card)).stderr == ""
    assert len(objects(s3)) == 1


def test_python_m_works_and_an_idle_run_imports_no_aws_libraries(config: Config, card: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['impp-edge', *sys.argv[1:]]\n"
        "from impp_edge.cli import main\n"
        "try: main()\n"
        "finally: assert not {'boto3', 'botocore', 'anycrc', 'ssl', 'http.client', 'watchdog'} & sys.modules.keys()"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "edge")}
    args = ["sync", str(card), "--bucket", BUCKET, "--state", str(config.state)]
    idle = subprocess.run([sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, timeout=60)
    assert (idle.returncode, idle.stderr) == (DONE, "")
    version = subprocess.run(
        [sys.executable, "-m", "impp_edge", "--version"], env=env, capture_output=True, text=True, timeout=60
    )
    assert version.stdout.startswith("impp-edge, version ")


def test_a_dry_run_lists_uploads_and_changes_nothing(config: Config, card: Path, s3: Any) -> None:
    put(card, "Record/20260115_081502_NF.mp4")
    put(card, CLIP)
    put(card, "Record/20260115_081502_E.gps", b"$GPRMC")
    put(card, "notes.txt", b"text")
    result = call(config, str(card), "--dry-run")
    assert result.exit_code == DONE
    lines = [line.split(str(card))[1] for line in result.stdout.splitlines() if line.startswith("would upload")]
    day = "dashcam/blackvue/2026/01/15"
    assert lines == [
        f"/Record/20260115_081502_E.gps (6 B) to sidecars/{day}/20260115_081502/20260115_081502_E.gps",
        f"/Record/20260115_081502_EF.mp4 (40 B) to originals/{day}/20260115_081502_EF.mp4",
        f"/Record/20260115_081502_NF.mp4 (40 B) to originals/{day}/20260115_081502_NF.mp4",
    ]
    assert "3 waiting" in result.stdout
    assert objects(s3) == {} and not config.state.exists()
    assert call(config, str(card)).exit_code == DONE
    before = {path: path.read_bytes() for path in config.state.iterdir()}
    put(card, "Record/20260115_090000_EF.mp4")
    again = call(config, str(card), "--dry-run")
    assert again.stdout.count("would upload") == 1 and "3 known" in again.stdout
    assert {path: path.read_bytes() for path in config.state.iterdir()} == before and len(objects(s3)) == 3


def parts_of(s3: Any, upload: Any) -> list[Any]:
    """The finished parts of an upload in progress."""
    parts: list[Any] = s3.list_parts(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", [])
    return parts


def test_sigterm_ends_a_run_after_a_part_and_the_next_one_resumes(
    config: Config, card: Path, s3: Any, tmp_path: Path
) -> None:
    content = put(card, CLIP, MP4 + noise(6 * PART)).read_bytes()
    args = [
        str(card), "--bucket", BUCKET, "--state", str(config.state), "--endpoint-url", str(config.endpoint_url),
        "--workers", "1", "--limit-mbit", "80", "--config", os.devnull,
    ]  # fmt: skip
    code = f"import impp_edge.run.upload; impp_edge.run.upload.PART = {PART}\nfrom impp_edge.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sync", *args], env={**os.environ, "PYTHONPATH": str(REPOSITORY / "edge")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        uploads: list[Any] = []
        while process.poll() is None and not (uploads and parts_of(s3, uploads[0])):
            listed = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
            uploads = [upload for upload in listed if not upload["Key"].endswith(PROBE)]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == SOME_FAILED, err
    assert "1 waiting" in out and out.rstrip().endswith("stopped: asked to stop")
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == [uploads[0]["UploadId"]]
    parts = parts_of(s3, uploads[0])
    assert 1 <= len(parts) < 7 and {part["Size"] for part in parts} == {PART}
    result = call(config, *args[:1], "--json", "--device", "")
    summary = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == DONE and summary["bytes"] == len(content) - len(parts) * PART
    assert list(objects(s3).values()) == [content]
