"""Findings of the doctor for each simulated problem; it leaves nothing behind."""

from __future__ import annotations

import http.server
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click.testing
import pytest
from tests.support.edge.cards import BUCKET, put

from impp_edge.bucket import aws
from impp_edge.bucket.s3 import S3, S3Error
from impp_edge.card.find import look
from impp_edge.check import diagnosis
from impp_edge.check.diagnosis import FAIL, HINT, OK, PROBE, Finding, examine
from impp_edge.cli import DONE, SOME_FAILED, WRONG_SETTING, main
from impp_edge.config import Config, Folder, Retain
from impp_edge.memory import custody
from impp_edge.memory.state import About, S3Object, State

pytestmark = pytest.mark.slow

DAY_S = 86_400.0
CLIP = "Record/20260115_081502_NF.mp4"


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def offline_config(card: Path, tmp_path: Path) -> Config:
    folder = Folder(card, source="phone", device="car")
    return Config(BUCKET, (folder,), tmp_path / "state", endpoint_url="http://127.0.0.1:1")


def findings_of(config: Config, what: str, *, online: bool = False) -> list[Finding]:
    """The findings whose subject begins with ``what``."""
    return [finding for finding in examine(config, None, online) if finding.what.startswith(what)]


def verdict_and_text(config: Config, what: str, *, online: bool = False) -> tuple[str, str]:
    """Verdict and text of the only finding whose subject begins with ``what``; each problem has advice."""
    (finding,) = findings_of(config, what, online=online)
    assert (finding.todo is None) == (finding.verdict == OK), finding
    return finding.verdict, f"{finding.text} {finding.todo or ''}"


def call(config: Config, *args: str) -> click.testing.Result:
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    paths = [str(folder.path) for folder in config.folders]
    return click.testing.CliRunner().invoke(main, ["doctor", *flags, *paths, *args])


# --- on this machine --------------------------------------------------------------------------------------------------


def test_a_good_setup_has_no_failures(offline_config: Config, card: Path) -> None:
    put(card, CLIP)
    assert {finding.verdict for finding in examine(offline_config, None, online=False)} == {OK}
    result = call(offline_config, "--offline", "--source", "phone")
    assert result.exit_code == DONE and "✗" not in result.output


def test_hints_do_not_fail_and_json_prints_one_object_per_line(offline_config: Config) -> None:
    result = call(offline_config, "--offline", "--json")  # the folder is empty
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == DONE
    assert all(line.keys() == {"what", "verdict", "text", "todo"} for line in lines)
    assert "hint" in {line["verdict"] for line in lines}


def test_a_missing_configuration_exits_with_code_2() -> None:
    result = click.testing.CliRunner().invoke(main, ["doctor", "--offline"])
    assert result.exit_code == WRONG_SETTING and "bucket is missing" in result.output


def test_a_missing_folder_fails(offline_config: Config, card: Path) -> None:
    card.rmdir()
    assert verdict_and_text(offline_config, "folder")[0] == FAIL
    result = call(offline_config, "--offline")
    assert result.exit_code == SOME_FAILED and f"✗ folder {card}: does not exist\n    insert or mount" in result.output


def test_empty_unmounted_and_invalid_folders(
    offline_config: Config, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        verdict_and_text(offline_config, "folder")[0] == HINT
        and "is empty" in verdict_and_text(offline_config, "folder")[1]
    )
    monkeypatch.setattr(diagnosis, "_REMOVABLE", (str(card.parent),))
    monkeypatch.setattr(Path, "stat", lambda *_a, **_k: SimpleNamespace(st_dev=1, st_mode=0o40755))
    assert diagnosis._unmounted(card) and not diagnosis._unmounted(Path("/elsewhere"))
    monkeypatch.undo()
    put(card, "file")
    no_folder = replace(offline_config, folders=(replace(offline_config.folders[0], path=card / "file"),))
    assert "cannot be listed: Not a directory" in verdict_and_text(no_folder, "folder")[1]


def test_a_missing_timezone_is_a_hint(offline_config: Config, card: Path) -> None:
    put(card, CLIP)
    folder = replace(offline_config.folders[0], source="dashcam")
    assert any(
        'timezone = "Europe/Berlin"' in str(f.todo)
        for f in findings_of(replace(offline_config, folders=(folder,)), "folder")
    )


def test_retain_needs_a_writable_card(offline_config: Config, card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(card, CLIP)
    config = replace(offline_config, folders=(replace(offline_config.folders[0], retain=Retain(older_than_days=30)),))
    assert [f.text for f in findings_of(config, "folder")][1] == "clips can be removed as `retain` says"
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **k: "Record" not in str(path) and real(path, mode, **k))
    assert f"{card}/Record is not writable" in findings_of(config, "folder")[1].text
    real_statvfs = os.statvfs

    def read_only(path: Any) -> Any:
        values = list(real_statvfs(path))
        values[8] |= os.ST_RDONLY
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", read_only)
    assert (findings_of(config, "folder")[1].verdict, findings_of(config, "folder")[1].text) == (
        FAIL, "retain is set, but the card is mounted read-only",
    )  # fmt: skip


def test_an_unwritable_or_full_state_folder(
    offline_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert "is not writable" in verdict_and_text(replace(offline_config, state=tmp_path / "file"), "state")[1]
    for free, verdict in ((5 * 10**6, FAIL), (50 * 10**6, HINT), (500 * 10**6, OK)):
        monkeypatch.setattr("shutil.disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        assert verdict_and_text(offline_config, "state")[0] == verdict


def test_damaged_state_fails(offline_config: Config) -> None:
    State(offline_config.state).close()
    assert verdict_and_text(offline_config, "memory")[0] == OK
    file = offline_config.state / "state.sqlite3"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE x (a)")
        db.executemany("INSERT INTO x VALUES (?)", [("y" * 500,) for _ in range(200)])
    db.close()
    content = bytearray(file.read_bytes())
    content[-8192:-4096] = b"\xff" * 4096
    file.write_bytes(content)
    assert (
        verdict_and_text(offline_config, "memory")[0] == FAIL
        and "run impp-edge sync" in verdict_and_text(offline_config, "memory")[1]
    )
    file.write_bytes(b"this is no database" * 1000)
    assert verdict_and_text(offline_config, "memory")[0] == FAIL


def test_an_edited_or_truncated_custody_log_fails(offline_config: Config, card: Path) -> None:
    log = custody.Log(offline_config.state)
    entry = custody.Entry("uploaded", card / CLIP, 1, 1, "s", "c", BUCKET, "k", None, None, "car", None)
    log.append([entry])
    head = log.append([entry])
    log.close()
    assert verdict_and_text(offline_config, "custody") == (OK, "2 entries, an unbroken chain ")
    state = State(offline_config.state)
    state.set(custody.KEPT, head)
    state.close()
    path = offline_config.state / custody.NAME
    whole = path.read_bytes()
    path.write_bytes(whole.splitlines(keepends=True)[0])
    assert verdict_and_text(offline_config, "custody")[0] == FAIL
    path.write_bytes(whole.replace(b'"size":1', b'"size":2', 1))
    assert (
        verdict_and_text(offline_config, "custody")[0] == FAIL
        and "line 1: " in verdict_and_text(offline_config, "custody")[1]
    )


def test_footage_at_risk_is_reported(offline_config: Config, card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impp_edge.show.overview.space", lambda _path: SimpleNamespace(free=0, total=10**6))
    folder = replace(offline_config.folders[0], source="dashcam")
    config = replace(offline_config, folders=(folder,))
    for day in range(1, 12):
        put(card, f"Record/2026{day:02}15_081502_NF.mp4", bytes(10_000), age=day * DAY_S)
    assert (
        verdict_and_text(config, "card")[0] == HINT
        and "lost now unless it is uploaded" in verdict_and_text(config, "card")[1]
    )
    state = State(offline_config.state)
    state.sample(1, 1000, 1000.0)
    assert verdict_and_text(config, "card")[0] == FAIL  # uploads were tried and are too slow
    for path in card.rglob("*.mp4"):
        found_now = look(folder, path)
        state.remember(BUCKET, found_now, S3Object("k", "v", "s", "c"), About("dashcam", "car", None, "routine"))
    state.close()
    assert verdict_and_text(config, "card")[0] == OK and "safe: nothing waits" in verdict_and_text(config, "card")[1]


def test_a_slow_checksum_is_measured(offline_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict_and_text(offline_config, "checksums")[0] == OK
    monkeypatch.setattr("impp_edge.digest.crc64nvme", doctor_slow())
    assert (
        verdict_and_text(offline_config, "checksums")[0] == HINT
        and "anycrc is not installed" in verdict_and_text(offline_config, "checksums")[1]
    )


def doctor_slow() -> Any:
    from impp_edge.digest import slow_crc64nvme

    return slow_crc64nvme


def test_too_few_inotify_watches_are_a_hint(
    offline_config: Config, card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(20):
        (card / str(i)).mkdir()
    limit = tmp_path / "max_user_watches"
    monkeypatch.setattr(diagnosis, "_WATCHES", limit)
    assert not findings_of(offline_config, "watching")  # not Linux
    limit.write_text("1000\n")
    assert verdict_and_text(offline_config, "watching") == (OK, "21 directories, 1000 may be watched ")
    limit.write_text("22\n")
    assert (
        verdict_and_text(offline_config, "watching")[0] == HINT
        and "max_user_watches=42" in verdict_and_text(offline_config, "watching")[1]
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "watchdog is not installed" in verdict_and_text(offline_config, "watching")[1]


def test_unwritable_metrics_fail(offline_config: Config, tmp_path: Path) -> None:
    assert not findings_of(replace(offline_config, metrics_file=tmp_path / "edge.prom"), "metrics")
    assert verdict_and_text(replace(offline_config, metrics_file=tmp_path / "none" / "edge.prom"), "metrics")[0] == FAIL


def test_names_are_printed_without_control_characters(offline_config: Config, card: Path) -> None:
    evil = card / "\x1b[2J"
    evil.mkdir()
    result = call(replace(offline_config, folders=(Folder(evil),)), "--offline")
    assert "\x1b" not in result.output and "\\x1b[2J" in result.output


# --- credentials ------------------------------------------------------------------------------------------------------


def credentials(config: Config) -> Finding:
    settings = aws.Settings(config.profile)
    return diagnosis._credentials(settings, S3(config.bucket, None, config.endpoint_url, config.profile))


def test_long_lived_keys_are_a_hint(offline_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the secret")
    one = credentials(offline_config)
    assert one.verdict == HINT and "long-lived keys from the environment" in one.text
    assert "docs/guide/edge-credentials.md" in str(one.todo) and "the secret" not in f"{one.text}{one.todo}"
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert "which nothing renews" in credentials(offline_config).text


def test_missing_credentials_fail(offline_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    verdict, text = verdict_and_text(offline_config, "credentials", online=True)
    assert verdict == FAIL and "docs/guide/edge-credentials.md" in text
    assert verdict_and_text(replace(offline_config, profile="nobody"), "credentials", online=True)[0] == FAIL


def test_a_credential_process(offline_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    answer = {"Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t"}
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
    config = tmp_path / "aws-config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for more, verdict, words in (
        ({"Expiration": expiry}, OK, "custom-process, renewed automatically; these expire in 2 h"),
        ({}, HINT, "custom-process: temporary, not renewed"),
    ):
        (tmp_path / "answer").write_text(json.dumps(answer | more))
        config.write_text(f"[profile edge]\ncredential_process = cat {tmp_path / 'answer'}\nregion = us-east-1\n")
        one = credentials(replace(offline_config, profile="edge"))
        assert (one.verdict, one.text) == (verdict, words)


# --- connections ------------------------------------------------------------------------------------------------------


@contextmanager
def server(status: int = 403, **headers: str) -> Iterator[str]:
    """A server that answers every request with the same status and headers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.send_response_only(status)
            for name, value in {"date": formatdate(usegmt=True), "content-length": "0", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Quietly."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def reached(config: Config, url: str) -> dict[str, Finding]:
    config = replace(config, endpoint_url=url)
    online = diagnosis._Online(config)
    s3 = S3(config.bucket, config.region, url)
    return {finding.what: finding for finding in online._reach(aws.Settings(), s3)}


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("off", "verdict"), [(0, OK), (30, OK), (120, HINT), (-120, HINT), (1200, FAIL), (-86_400 * 400, FAIL)]
)
def test_a_wrong_clock_is_reported(offline_config: Config, off: float, verdict: str) -> None:
    with server(date=formatdate(time.time() + off, usegmt=True)) as url:
        one = reached(offline_config, url)["clock"]
    assert one.verdict == verdict
    if off in (120, -120):
        assert one.text == f"is 2 min {'behind' if off > 0 else 'ahead of'} the server's"


@pytest.mark.usefixtures("keys")
def test_a_server_without_a_date_is_a_hint(offline_config: Config) -> None:
    with server(date="yesterday") as url:
        assert reached(offline_config, url)["clock"].verdict == HINT


@pytest.mark.usefixtures("keys")
def test_a_bucket_in_another_region_or_missing(offline_config: Config) -> None:
    with server(301, x_amz_bucket_region="eu-central-1") as url:
        one = reached(offline_config, url)["bucket"]
        assert one.verdict == HINT and one.todo == 'set region = "eu-central-1"'
        assert reached(replace(offline_config, region="eu-central-1"), url)["bucket"].verdict == OK
    with server(404) as url:
        assert reached(offline_config, url)["bucket"].verdict == FAIL


@pytest.mark.usefixtures("keys")
def test_an_unreachable_network_fails(offline_config: Config) -> None:
    assert "Connection refused" in reached(offline_config, "http://127.0.0.1:1")["network"].text
    nowhere = reached(offline_config, "http://no-such-host.invalid")["network"]
    assert nowhere.verdict == FAIL and "has no address" in nowhere.text and "DNS" in str(nowhere.todo)
    assert (
        reached(replace(offline_config, ca_bundle=Path("/none.pem")), "https://127.0.0.1:1")["network"].verdict == FAIL
    )
    certificate = diagnosis._unreached("x", certificate_error())
    assert "certificate" in certificate.text and "clock" in str(certificate.todo)
    assert "does not respond" in diagnosis._unreached("x", TimeoutError()).text


def certificate_error() -> Exception:
    import ssl

    error = ssl.SSLCertVerificationError()
    error.verify_message = "certificate has expired"
    return error


# --- permissions ------------------------------------------------------------------------------------------------------


def test_a_good_setup_online_leaves_nothing_behind(config: Config, card: Path, s3: Any) -> None:
    put(card, CLIP)
    findings = list(examine(config, None, online=True))
    assert FAIL not in {finding.verdict for finding in findings}, findings
    rights = [finding.what for finding in findings if finding.what.startswith("permissions")]
    assert rights == [f"permissions below {kind}/dashcam/blue-car/" for kind in ("originals", "sidecars")]
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    assert not s3.list_object_versions(Bucket=BUCKET).get("Versions")


class Forbidding:
    """An S3 that forbids some operations."""

    bucket = BUCKET

    def __init__(self, **forbidden: str) -> None:
        self.forbidden = forbidden
        self.left = {"1"}

    def _do(self, name: str, answer: Any) -> Any:
        if name in self.forbidden:
            raise S3Error(403, "AccessDenied", self.forbidden[name])
        return answer

    def create(self, *_args: Any) -> Any:
        return self._do("create", ("1", False))

    def parts(self, *_args: Any) -> Any:
        return self._do("parts", [])

    def abort(self, _key: str, upload: str) -> None:
        self._do("abort", None)
        self.left.discard(upload)

    def head(self, *_args: Any) -> Any:
        return self._do("head", None)

    def uploads(self, _prefix: str) -> Any:
        return self._do("uploads", [SimpleNamespace(key=PROBE, id="0")])


DENIED = {
    "put": ({"create": "not authorized to perform: s3:PutObject"}, FAIL, "arn:aws:s3:::impp-edge-test/originals/x/y/*"),
    "kms": ({"create": "not authorized to perform: kms:GenerateDataKey"}, FAIL, "allow kms:GenerateDataKey"),
    "parts": ({"parts": "no"}, FAIL, "arn:aws:s3:::"),
    "abort": ({"abort": "no", "uploads": "no"}, FAIL, "arn:aws:s3:::"),
    "list": ({"head": "no"}, HINT, "allow s3:ListBucket below originals/x/y/"),
    "uploads": ({"uploads": "no"}, HINT, "allow s3:ListBucketMultipartUploads"),
}


@pytest.mark.parametrize(("forbidden", "verdict", "todo"), DENIED.values(), ids=DENIED.keys())
def test_missing_permissions_are_reported(forbidden: dict[str, str], verdict: str, todo: str) -> None:
    s3 = Forbidding(**forbidden)
    findings = list(diagnosis._rights(s3, "originals/x/y/"))  # type: ignore[arg-type]
    (one,) = [finding for finding in findings if finding.verdict != OK]
    assert one.verdict == verdict and todo in str(one.todo)
    assert s3.left == ({"1"} if forbidden.keys() & {"create", "abort"} else set())
