"""Custody receipts: what they say, and that they say so when something does not fit."""

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
    Answering,
    another_version,
    bring,
    call,
    rewritten,
    same_size_and_time,
)

from impp_edge.bucket.s3 import Head, S3Error
from impp_edge.check.proof import prove
from impp_edge.cli import DONE, SOME_FAILED, WRONG_SETTING
from impp_edge.config import Config
from impp_edge.memory import custody


@pytest.fixture(autouse=True)
def no_configuration_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def receipt(config: Config, what: str) -> tuple[int, dict[str, Any]]:
    result = call(config, "prove", what, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_a_receipt_of_a_clip_on_the_card(config: Config, s3: Any) -> None:
    path, _, _ = bring(config, CLIP, "a.mp4", "b.mp4")
    code, found = receipt(config, str(path))
    head = s3.head_object(Bucket=BUCKET, Key=KEY, ChecksumMode="ENABLED")
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    assert code == DONE and found["ok"] and all(check["ok"] for check in found["checks"])
    assert [check["what"] for check in found["checks"]] == [
        "file = log", "S3 = log", "S3's note = log", "version", "log", "log before the clip", "log after the clip",
    ]  # fmt: skip
    assert (found["file"]["sha256"], found["file"]["size"], found["file"]["path"]) == (sha, 40, str(path))
    assert found["captured"]["at"].startswith("2026-01-15T08:15:02") and found["captured"]["from"] == "filename"
    assert found["log"]["entry"]["n"] == 1 and found["log"]["entry"]["sha256"] == sha
    assert found["log"]["chain"]["ok"] and found["log"]["chain"]["entries"] == 3
    assert found["log"]["witness"]["n"] == 2
    assert found["s3"]["version"] == head["VersionId"] and found["s3"]["crc64nvme"] == head["ChecksumCRC64NVME"]
    assert found["s3"]["last_modified"] == head["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_stranger_gets_what_the_receipt_says(config: Config) -> None:
    path = bring(config, CLIP, "a.mp4")[0]
    found = receipt(config, str(path))[1]
    line = (config.state / custody.NAME).read_text().splitlines()[0]
    assert found["log"]["line"] == line
    local = [one for one in found["again"] if not one["command"].startswith(("aws", "impp-edge"))]
    assert len(local) == 2
    for one in local:
        shown = subprocess.run(["/bin/sh", "-c", one["command"]], cwd=config.state, capture_output=True, text=True)
        assert shown.stdout.split()[0] == one["shows"]
    asked = shlex.split(next(one["command"] for one in found["again"] if "head-object" in one["command"]))
    assert asked[:5] == ["aws", "s3api", "head-object", "--checksum-mode", "ENABLED"]
    assert asked[asked.index("--version-id") + 1] == found["s3"]["version"]


def test_a_receipt_of_a_clip_that_is_on_the_card_no_more(config: Config) -> None:
    path, _ = bring(config, CLIP, "a.mp4")
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    for what in (str(path), sha, sha.upper(), KEY):
        code, found = receipt(config, what)
        assert code == DONE and found["file"] is None and found["log"]["entry"]["sha256"] == sha
    assert "not on this machine: by the log and S3" in call(config, "prove", KEY).output


@pytest.mark.usefixtures("clean")
def test_an_object_under_lock_says_so(config: Config, s3: Any) -> None:
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    path = bring(config, CLIP)[0]
    until = datetime.now(UTC) + timedelta(seconds=1)
    s3.put_object_retention(Bucket=BUCKET, Key=KEY, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    found = receipt(config, str(path))[1]["s3"]
    assert found["lock"] == "GOVERNANCE" and found["locked_until"].startswith(until.strftime("%Y-%m-%dT%H:%M:%S"))


def test_the_receipt_in_words(config: Config, tmp_path: Path) -> None:
    path = bring(config, CLIP, "a.mp4")[0]
    shown = call(config, "prove", str(path))
    assert shown.exit_code == DONE and shown.output.rstrip().endswith("Everything fits.")
    for words in (
        "Custody receipt, made ",
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


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("harm", "what", "says"),
    [
        (
            same_size_and_time,
            "log",
            "the custody log has no entry with this SHA-256: it was not uploaded, or by an older impp-edge",
        ),
        (lambda _, s3: s3.delete_object(Bucket=BUCKET, Key=KEY), None, None),
        (another_version, None, None),
    ],
)
def test_a_receipt_after_harm(config: Config, s3: Any, harm: Callable[..., Any], what: str, says: str) -> None:
    """What lies over the version that was brought does it no harm: it is still there."""
    path = bring(config, CLIP, "a.mp4")[0]
    harm(path, s3)
    code, found = receipt(config, str(path))
    wrong = [(check["what"], check["says"]) for check in found["checks"] if not check["ok"]]
    assert wrong == ([(what, says)] if what else [])
    assert code == (SOME_FAILED if what else DONE)


@pytest.mark.usefixtures("clean")
def test_a_receipt_of_an_object_that_is_gone_does_not_fit(config: Config, s3: Any) -> None:
    path = bring(config, CLIP)[0]
    for version in s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=version["VersionId"])
    shown = call(config, "prove", str(path))
    assert shown.exit_code == SOME_FAILED
    assert "WRONG  S3: S3 does not show the object" in shown.output and "It does NOT fit" in shown.output


def test_a_receipt_from_a_changed_log_does_not_fit(config: Config) -> None:
    _, path, _ = bring(config, CLIP, "a.mp4", "b.mp4")
    rewritten(config, lambda entries: [{**entry, "at": "1999-01-01T00:00:00.000Z"} for entry in entries])
    code, found = receipt(config, str(path))
    wrong = [check["what"] for check in found["checks"] if not check["ok"]]
    assert (code, wrong) == (SOME_FAILED, ["log before the clip"]) and found["log"]["witness"] is None
    log = config.state / custody.NAME
    log.write_bytes(log.read_bytes()[:-200] + b"\n")
    assert "log: the log was changed: line 3" in call(config, "prove", str(path)).output


def test_nothing_is_proven_of_what_is_nowhere(config: Config, card: Path) -> None:
    bring(config, CLIP)
    for what in ("no/such.mp4", "0" * 64, "x\0y", ""):
        result = call(config, "prove", what)
        assert (
            result.exit_code == SOME_FAILED and "no such file, and the custody log has no entry for it" in result.output
        )
    offline = call(replace(config, endpoint_url="http://127.0.0.1:1"), "prove", KEY)
    assert offline.exit_code == SOME_FAILED and "cannot be reached" in offline.output


def test_an_older_version_that_we_may_not_see_does_not_hide_the_newest(config: Config) -> None:
    bring(config, CLIP)

    class Strict(Answering):
        def head(self, key: str, version: str | None = None) -> Any:
            if version:
                raise S3Error(403, "AccessDenied", "no")
            return super().head(key)

    newest = Head("other", None, "AAAAAAAAAAA=", 40, {}, None)
    found = prove(KEY, config, Strict(lambda: newest), None)  # type: ignore[arg-type]
    wrong = [says for _, holds, says in found.checks if not holds]
    assert len(wrong) == 2 and wrong[0].startswith("S3 has other bytes") and "S3's version is other" in wrong[1]
