"""Custody receipts: their contents, and their report of mismatches."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.edge.cards import BUCKET
from tests.support.edge.evidence import (
    CLIP,
    KEY,
    FixedHead,
    call,
    forge_log,
    overwrite_with_same_size_and_time,
    put_another_version,
    upload_files,
)

from impp_edge.bucket.s3 import Head, S3Error
from impp_edge.check.proof import prove
from impp_edge.cli import DONE, SOME_FAILED, WRONG_SETTING
from impp_edge.config import Config
from impp_edge.memory import custody

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def receipt(config: Config, what: str) -> tuple[int, dict[str, Any]]:
    result = call(config, "prove", what, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_a_receipt_of_a_clip_on_the_card(config: Config, s3: Any) -> None:
    path, _, _ = upload_files(config, CLIP, "a.mp4", "b.mp4")
    code, proof = receipt(config, str(path))
    head = s3.head_object(Bucket=BUCKET, Key=KEY, ChecksumMode="ENABLED")
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    assert code == DONE and proof["ok"] and all(check["ok"] for check in proof["checks"])
    assert [check["what"] for check in proof["checks"]] == [
        "file = log", "S3 = log", "S3's note = log", "version", "log", "log before the clip", "log after the clip",
    ]  # fmt: skip
    assert (proof["file"]["sha256"], proof["file"]["size"], proof["file"]["path"]) == (sha, 40, str(path))
    assert proof["captured"]["at"].startswith("2026-01-15T08:15:02") and proof["captured"]["from"] == "filename"
    assert proof["log"]["entry"]["n"] == 1 and proof["log"]["entry"]["sha256"] == sha
    assert proof["log"]["chain"]["ok"] and proof["log"]["chain"]["entries"] == 3
    assert proof["log"]["witness"]["n"] == 2
    assert proof["s3"]["version"] == head["VersionId"] and proof["s3"]["crc64nvme"] == head["ChecksumCRC64NVME"]
    assert proof["s3"]["last_modified"] == head["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_commands_of_a_receipt_reproduce_its_values(config: Config) -> None:
    path = upload_files(config, CLIP, "a.mp4")[0]
    proof = receipt(config, str(path))[1]
    line = (config.state / custody.NAME).read_text().splitlines()[0]
    assert proof["log"]["line"] == line
    local = [one for one in proof["again"] if not one["command"].startswith(("aws", "impp-edge"))]
    assert len(local) == 2
    for one in local:
        shown = subprocess.run(["/bin/sh", "-c", one["command"]], cwd=config.state, capture_output=True, text=True)
        assert shown.stdout.split()[0] == one["shows"]
    command = shlex.split(next(one["command"] for one in proof["again"] if "head-object" in one["command"]))
    assert command[:5] == ["aws", "s3api", "head-object", "--checksum-mode", "ENABLED"]
    assert command[command.index("--version-id") + 1] == proof["s3"]["version"]


def test_a_receipt_of_a_clip_no_longer_on_the_card(config: Config) -> None:
    path, _ = upload_files(config, CLIP, "a.mp4")
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    for what in (str(path), sha, sha.upper(), KEY):
        code, proof = receipt(config, what)
        assert code == DONE and proof["file"] is None and proof["log"]["entry"]["sha256"] == sha
    assert "not on this machine: by the log and S3" in call(config, "prove", KEY).output


@pytest.mark.usefixtures("remove_versions")
def test_a_receipt_shows_the_object_lock(config: Config, s3: Any) -> None:
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    path = upload_files(config, CLIP)[0]
    until = datetime.now(UTC) + timedelta(hours=1)
    s3.put_object_retention(Bucket=BUCKET, Key=KEY, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    proof = receipt(config, str(path))[1]["s3"]
    assert proof["lock"] == "GOVERNANCE" and proof["locked_until"].startswith(until.strftime("%Y-%m-%dT%H:%M:%S"))


def test_a_receipt_as_text(config: Config, tmp_path: Path) -> None:
    path = upload_files(config, CLIP, "a.mp4")[0]
    shown = call(config, "prove", str(path))
    assert shown.exit_code == DONE and shown.output.rstrip().endswith("Everything matches.")
    for words in (
        "Custody receipt, created ",
        "S3 has the same bytes",
        "aws s3api head-object",
        "Not proven",
        "sha256sum",
    ):
        assert words in shown.output
    file = tmp_path / "receipt.txt"
    written = call(config, "prove", str(path), "--output", str(file))
    assert written.exit_code == DONE and "everything matches" in written.output
    assert file.read_text().splitlines()[1:] == (shown.output.splitlines())[1:]
    assert call(config, "prove", str(path), "-o", str(tmp_path / "no" / "x")).exit_code == WRONG_SETTING


@pytest.mark.usefixtures("remove_versions")
@pytest.mark.parametrize(
    ("harm", "what", "says"),
    [
        (
            overwrite_with_same_size_and_time,
            "log",
            "the custody log has no entry with this SHA-256: it was not uploaded, or by an older impp-edge",
        ),
        (lambda _, s3: s3.delete_object(Bucket=BUCKET, Key=KEY), None, None),
        (put_another_version, None, None),
    ],
)
def test_a_receipt_reports_changes(config: Config, s3: Any, harm: Callable[..., Any], what: str, says: str) -> None:
    """Newer versions and delete markers do not affect the uploaded version: it still exists."""
    path = upload_files(config, CLIP, "a.mp4")[0]
    harm(path, s3)
    code, proof = receipt(config, str(path))
    wrong = [(check["what"], check["says"]) for check in proof["checks"] if not check["ok"]]
    assert wrong == ([(what, says)] if what else [])
    assert code == (SOME_FAILED if what else DONE)


@pytest.mark.usefixtures("remove_versions")
def test_a_receipt_of_a_deleted_object_is_invalid(config: Config, s3: Any) -> None:
    path = upload_files(config, CLIP)[0]
    for version in s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=version["VersionId"])
    shown = call(config, "prove", str(path))
    assert shown.exit_code == SOME_FAILED
    assert "WRONG  S3: S3 does not return the object" in shown.output and "It does NOT match" in shown.output


def test_a_receipt_from_an_edited_log_is_invalid(config: Config) -> None:
    _, path, _ = upload_files(config, CLIP, "a.mp4", "b.mp4")
    forge_log(config, lambda entries: [{**entry, "at": "1999-01-01T00:00:00.000Z"} for entry in entries])
    code, proof = receipt(config, str(path))
    wrong = [check["what"] for check in proof["checks"] if not check["ok"]]
    assert (code, wrong) == (SOME_FAILED, ["log before the clip"]) and proof["log"]["witness"] is None
    log = config.state / custody.NAME
    log.write_bytes(log.read_bytes()[:-200] + b"\n")
    assert "log: the log was changed: line 3" in call(config, "prove", str(path)).output


def test_no_receipt_for_unknown_files(config: Config, card: Path) -> None:
    upload_files(config, CLIP)
    for what in ("no/such.mp4", "0" * 64, "x\0y", ""):
        result = call(config, "prove", what)
        assert (
            result.exit_code == SOME_FAILED and "no such file, and the custody log has no entry for it" in result.output
        )
    offline = call(replace(config, endpoint_url="http://127.0.0.1:1"), "prove", KEY)
    assert offline.exit_code == SOME_FAILED and "cannot be reached" in offline.output


def test_an_inaccessible_older_version_does_not_hide_the_newest(config: Config) -> None:
    upload_files(config, CLIP)

    class Strict(FixedHead):
        def head(self, key: str, version: str | None = None) -> Any:
            if version:
                raise S3Error(403, "AccessDenied", "no")
            return super().head(key)

    newest = Head("other", None, "AAAAAAAAAAA=", 40, {}, None)
    proof = prove(KEY, config, Strict(lambda: newest), None)  # type: ignore[arg-type]
    wrong = [says for _, holds, says in proof.checks if not holds]
    assert len(wrong) == 2 and wrong[0].startswith("S3 has other bytes") and "S3's version is other" in wrong[1]
