"""verify, prove and forget as an owner uses them: every lie of the card, the bucket or the log is found and named."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click.testing
import pytest
from tests.support.edge.cards import BUCKET, MP4, PART, objects, put

from impp_edge.bucket.s3 import S3, Head, Offline, S3Error
from impp_edge.check import comparison as verify_module
from impp_edge.check.comparison import Reader, Result, verify
from impp_edge.check.proof import prove
from impp_edge.cli import DONE, LOCKED, SOME_FAILED, WRONG_SETTING, main
from impp_edge.config import Config
from impp_edge.memory import custody
from impp_edge.memory.state import State, lock
from impp_edge.run import sync

CLIP = "Record/20260115_081502_EF.mp4"
KEY = "originals/dashcam/blue-car/2026/01/15/20260115_081502_EF.mp4"


@pytest.fixture(autouse=True)
def no_configuration_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


def bring(config: Config, *names: str) -> list[Path]:
    """Files on the card, brought one after the other: each object bears the hash of the entry before."""
    paths = []
    for name in names:
        paths.append(put(config.folders[0].path, name))
        assert sync.run(config).complete
    return paths


def checked(config: Config, *below: Path, gone: bool = False, s3: Any = None) -> tuple[Result, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    state, stop = Reader(config.state), threading.Event()
    client = s3 or S3(config.bucket, endpoint_url=config.endpoint_url, stop=stop)
    try:
        result = verify(config, state, client, events.append, stop, below, gone)
    finally:
        state.close()
    return result, [event for event in events if event["event"] == "wrong"]


def call(config: Config, command: str, *args: str) -> click.testing.Result:
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    return click.testing.CliRunner().invoke(main, [command, *flags, *args])


def rewritten(config: Config, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """The log written anew with a chain that holds, and a state that remembers its end: what a forger would do."""
    path = config.state / custody.NAME
    head, lines = custody.GENESIS, b""
    for n, entry in enumerate(change([json.loads(line) for line in path.read_text().splitlines()]), 1):
        body = custody.text({**{k: v for k, v in entry.items() if k != "hash"}, "n": n, "prev": head})
        head = hashlib.sha256(body).hexdigest()
        lines += b'%b,"hash":"%b"}\n' % (body[:-1], head.encode())
    path.write_bytes(lines)
    state = State(config.state)
    state.set(custody.KEPT, head)
    state.close()
    assert custody.check(config.state, head).ok


# --- verify -----------------------------------------------------------------------------------------------------------


def test_all_is_equal(config: Config, card: Path) -> None:
    bring(config, CLIP, "a.mp4", "b.mp4")
    result, wrong = checked(config)
    assert result.ok and result.counts == {"equal": 3, "new": 0} and result.log.entries == 3 and not wrong
    assert result.bytes == 3 * 40


def test_what_is_not_uploaded_yet_or_gone_from_the_card_is_only_counted(config: Config, card: Path) -> None:
    first, _ = bring(config, CLIP, "a.mp4")
    first.unlink()
    put(card, "new.mp4")
    put(card, "notes.txt", b"text")
    result, wrong = checked(config)
    assert result.ok and not wrong
    assert (result.counts["equal"], result.counts["gone"], result.counts["new"]) == (1, 1, 1)
    assert checked(config, gone=True)[0].counts["gone"] == 1


def same_size_and_time(path: Path, _s3: Any) -> None:
    before = path.stat()
    path.write_bytes(MP4 + bytes(16))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def another_version(_path: Path, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x" * 40, ChecksumAlgorithm="CRC64NVME")


def the_same_bytes_anew(path: Path, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=path.read_bytes(), ChecksumAlgorithm="CRC64NVME")


def a_pipe(path: Path, _s3: Any) -> None:
    path.unlink()
    os.mkfifo(path)


TROUBLE: list[tuple[Callable[[Path, Any], Any], str, str]] = [
    (same_size_and_time, "differs", "its content on the card is not what was uploaded"),
    (lambda path, _: os.utime(path, (1, 1)), "changed", "it changed on the card"),
    (a_pipe, "changed", "it changed on the card"),
    (lambda _, s3: s3.delete_object(Bucket=BUCKET, Key=KEY), "missing", "it is no longer in the bucket"),
    (another_version, "differs", "S3 has the CRC-64/NVME"),
    (lambda _, s3: s3.put_object(Bucket=BUCKET, Key=KEY, Body=b""), "differs", "S3 has 0 bytes, not 40"),
    (lambda _, s3: s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"y" * 40), "differs", "S3 has no full-object checksum"),
    (the_same_bytes_anew, "differs", "the newest version in S3 is"),
]


@pytest.fixture
def clean(s3: Any) -> Iterator[None]:
    """Tests that remove or replace objects leave versions and delete markers behind."""
    yield
    found = s3.list_object_versions(Bucket=BUCKET)
    for one in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(("harm", "kind", "reason"), TROUBLE)
def test_what_differs_is_named(config: Config, s3: Any, harm: Callable[..., Any], kind: str, reason: str) -> None:
    path, _ = bring(config, CLIP, "a.mp4")
    harm(path, s3)
    result, wrong = checked(config)
    assert not result.ok and result.counts[kind] == 1 and result.counts["equal"] == 1
    assert [(one["kind"], one["path"], one["key"]) for one in wrong] == [(kind, str(path), KEY)]
    assert wrong[0]["reason"].startswith(reason)


@pytest.mark.usefixtures("clean")
def test_all_that_is_wrong_with_a_file_is_reported(config: Config, s3: Any) -> None:
    path = bring(config, CLIP)[0]
    os.utime(path, (1, 1))
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    rewritten(config, lambda entries: [])
    assert checked(config)[1][0]["reason"] == (
        "it changed on the card after its upload; it is no longer in the bucket; the custody log has no entry for it"
    )


@pytest.mark.usefixtures("clean")
def test_of_files_that_are_gone_the_objects_are_looked_at_when_asked(config: Config, s3: Any) -> None:
    bring(config, CLIP)[0].unlink()
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert checked(config)[0].ok
    result, wrong = checked(config, gone=True)
    assert not result.ok and wrong[0]["kind"] == "missing"


def test_paths_choose(config: Config, card: Path) -> None:
    first, other, _ = bring(config, CLIP, "Record2/20260115_081503_EF.mp4", "a.mp4")
    for path in (first, other):
        os.utime(path, (1, 1))
    put(card, "Record/20260115_091502_EF.mp4")
    result, wrong = checked(config, first.parent)
    assert [one["path"] for one in wrong] == [str(first)] and result.counts["new"] == 1
    assert [one["path"] for one in checked(config, other)[1]] == [str(other)]
    assert checked(config, card / "a.mp4")[0].ok


class Answering:
    """An S3 that answers so."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def head(self, key: str, version: str | None = None) -> Any:
        return self._answer()


def raising(error: Exception) -> Answering:
    def answer() -> Any:
        raise error

    return Answering(answer)


def test_answers_of_s3_that_are_no_answer(config: Config) -> None:
    bring(config, CLIP, "a.mp4")
    result, wrong = checked(config, s3=raising(S3Error(403, "403", "Forbidden")))
    assert result.counts["missing"] == 2 and "it is missing, or s3:GetObject is not allowed" in wrong[0]["reason"]
    result, wrong = checked(config, s3=raising(S3Error(500, "InternalError", "sorry")))
    assert result.counts["unreadable"] == 2 and wrong[0]["reason"] == "S3 answers InternalError: sorry"


def test_offline_and_stop_end_it_and_all_is_not_well(config: Config) -> None:
    bring(config, CLIP, "a.mp4")
    offline = replace(config, endpoint_url="http://127.0.0.1:1")
    result = call(offline, "verify")
    assert result.exit_code == SOME_FAILED and "stopped: " in result.output and "cannot be reached" in result.output
    state, stop = Reader(config.state), threading.Event()
    stop.set()
    never = Answering(lambda: pytest.fail("asked"))
    found = verify(config, state, never, lambda _: None, stop)  # type: ignore[arg-type]
    state.close()
    assert not found.ok and found.stopped == "asked to stop" and not found.counts["equal"]


def test_only_so_many_files_are_in_memory(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        put(config.folders[0].path, f"Record/20260115_08150{number}_NF.mp4")
    assert sync.run(config).complete
    monkeypatch.setattr(verify_module, "BATCH", 3)
    batches: list[int] = []
    real = verify_module.against_log

    def counted(config: Config, batch: Any) -> Any:
        batches.append(len(batch))
        return real(config, batch)

    monkeypatch.setattr(verify_module, "against_log", counted)
    assert checked(config)[0].counts["equal"] == 8
    assert batches == [3, 3, 2]


# --- the log and the bucket -------------------------------------------------------------------------------------------


def test_an_edited_log_is_reported(config: Config) -> None:
    bring(config, CLIP, "a.mp4", "b.mp4")
    path = config.state / custody.NAME
    path.write_bytes(path.read_bytes().replace(b"081502", b"081503"))
    result = call(config, "verify", "--log-only")
    assert result.exit_code == SOME_FAILED
    assert "custody log: line 1 (edited): it was changed: its content has another hash than it says" in result.output
    told = json.loads(call(config, "verify", "--log-only", "--json").output)
    assert (told["ok"], told["findings"][0]["line"], told["findings"][0]["kind"]) == (False, 1, "edited")
    assert call(config, "verify").exit_code == SOME_FAILED


def test_a_cut_log_is_reported_also_after_the_next_run(config: Config) -> None:
    bring(config, CLIP, "a.mp4", "b.mp4")
    path = config.state / custody.NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert "line 3 (cut)" in call(config, "verify", "--log-only").output
    put(config.folders[0].path, "c.mp4")
    told: list[dict[str, Any]] = []
    assert sync.run(config, told.append).complete
    assert any("was cut or exchanged" in event["reason"] for event in told if event["event"] == "note")
    shown = call(config, "verify")
    assert shown.exit_code == SOME_FAILED
    assert "line 3 (cut): the log had lost its end after entry 2 when this run began" in shown.output
    assert "unlogged: " in shown.output and "b.mp4: the custody log has no entry for it" in shown.output


def test_a_rewritten_log_is_found_by_the_objects_in_the_bucket(config: Config) -> None:
    bring(config, CLIP, "a.mp4", "b.mp4")

    def backdated(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**entry, "at": entry["at"].replace("20", "19", 1)} for entry in entries]

    rewritten(config, backdated)
    assert call(config, "verify", "--log-only").exit_code == DONE  # in itself it holds
    result, wrong = checked(config)
    assert result.log.ok and not result.ok
    # the first object bears the hash of an empty log, which every log begins with: the later ones tell
    assert [one["kind"] for one in wrong] == ["forged", "forged"]
    assert wrong[0]["reason"].endswith("carries a hash that the custody log does not hold: the log was rewritten")


def test_an_entry_moved_before_what_its_object_bears_is_found(config: Config) -> None:
    bring(config, CLIP, "a.mp4", "b.mp4")
    state = State(config.state)
    entries = list(state.entries(BUCKET))
    state.close()
    first = next(custody.entries(config.state, {"n": 1}))
    late = verify_module._Seen(entries[0], "equal", anchor=next(custody.entries(config.state, {"n": 3}))["hash"])
    assert entries[0].brought.key == first["key"]
    verify_module.against_log(config, [late])
    assert late.kind == "forged" and late.reason and "holds only after its entry 1" in late.reason


def test_a_removed_entry_is_found_though_the_chain_was_mended(config: Config) -> None:
    bring(config, CLIP, "a.mp4")
    rewritten(config, lambda entries: entries[:1])
    result, wrong = checked(config)
    assert result.log.ok and [one["kind"] for one in wrong] == ["unlogged"]


def test_what_an_older_edge_uploaded_without_a_log_is_counted(config: Config, card: Path, s3: Any) -> None:
    body = put(card, CLIP).read_bytes()
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body, ChecksumAlgorithm="CRC64NVME")
    assert sync.run(config).counts["there"] == 1
    assert checked(config)[0].counts["equal"] == 1  # its entry says that it was there
    (config.state / custody.NAME).unlink()
    state = State(config.state)
    state.set(custody.KEPT, None)
    state.close()
    result, wrong = checked(config)
    assert result.ok and not wrong and +result.counts == {"earlier": 1}


def test_an_entry_that_says_something_else_is_found(config: Config) -> None:
    bring(config, CLIP)
    rewritten(config, lambda entries: [{**entries[0], "sha256": "0" * 64}])
    assert checked(config)[1][0]["reason"] == "its entry in the custody log differs from the state"


def test_a_lost_state_folder_is_no_forgery(config: Config) -> None:
    bring(config, CLIP, "a.mp4")
    shutil.rmtree(config.state)
    assert sync.run(config).counts["there"] == 2
    result, wrong = checked(config)
    assert result.ok and not wrong and result.log.entries == 2


def test_an_upload_of_before_the_state_folder_was_lost_is_no_forgery(config: Config, monkeypatch: Any) -> None:
    """Its object bears the lost log's hash, which was set when it was begun."""
    (clip,) = bring(config, CLIP)
    put(clip.parent, "large.mp4", MP4 + bytes(2 * PART))
    real = S3.part

    def offline_at_the_last(s3: S3, key: str, upload: str, number: int, *more: Any) -> Any:
        if number == 3:
            raise Offline("the network is gone")
        return real(s3, key, upload, number, *more)

    with monkeypatch.context() as patch:
        patch.setattr(S3, "part", offline_at_the_last)
        assert not sync.run(config).complete
    shutil.rmtree(config.state)
    parts: list[int] = []
    monkeypatch.setattr(S3, "part", lambda s3, key, up, n, *more: parts.append(n) or real(s3, key, up, n, *more))
    assert sync.run(config).complete and parts == [3]
    result, wrong = checked(config)
    assert result.ok and not wrong and result.counts["equal"] == 2


# --- verify, the command ----------------------------------------------------------------------------------------------


def test_the_command(config: Config, card: Path) -> None:
    assert "nothing was uploaded" in call(config, "verify").output
    assert call(config, "verify").exit_code == WRONG_SETTING
    assert call(config, "verify", "--log-only").exit_code == WRONG_SETTING
    bring(config, CLIP, "a.mp4")
    put(card, "new.mp4")
    result = call(config, "verify", str(card))
    assert result.exit_code == DONE, result.output
    assert "custody log: 2 entries, intact; the newest is " in result.output
    assert "2 equal (80 B read), 1 not uploaded yet in " in result.output
    assert call(config, "verify").output.count("not uploaded yet") == 0  # no folders are known: nothing to look for
    (card / "a.mp4").write_bytes(b"new")
    shown = [json.loads(line) for line in call(config, "verify", "--json").output.splitlines()]
    assert [line["event"] for line in shown] == ["wrong", "summary"]
    assert shown[0]["kind"] == "changed" and (shown[1]["ok"], shown[1]["equal"], shown[1]["changed"]) == (False, 1, 1)


def test_the_log_alone_needs_no_network(config: Config) -> None:
    bring(config, CLIP)
    result = call(replace(config, endpoint_url="http://127.0.0.1:1"), "verify", "--log-only")
    assert result.exit_code == DONE and "1 entries, intact" in result.output


def test_names_cannot_move_the_cursor(config: Config, card: Path) -> None:
    path = bring(config, "\x1b[2J\x07.mp4")[0]
    os.utime(path, (1, 1))
    for result in (call(config, "verify"), call(config, "prove", str(path))):
        assert "\x1b" not in result.output and "\\x1b[2J" in result.output


def test_wrong_credentials_are_a_wrong_setting(config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bring(config, CLIP)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for command in (["verify"], ["prove", KEY]):
        result = call(config, *command)
        assert result.exit_code == WRONG_SETTING and "no AWS credentials" in result.output


# --- prove ------------------------------------------------------------------------------------------------------------


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


# --- forget -----------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_looked_at_again(config: Config, card: Path, s3: Any) -> None:
    first, _ = bring(config, CLIP, "a.mp4")
    put(card, "notes.txt", b"text")
    assert sync.run(config).counts["skipped"] == 1
    log = (config.state / custody.NAME).read_bytes()
    dry = call(config, "forget", "--dry-run", str(card))
    assert (dry.exit_code, dry.output) == (DONE, "would forget 3 files and 0 uploads in progress\n")
    assert sync.run(config).counts["known"] == 2
    assert call(config, "forget", str(first)).output == "forgot 1 file and 0 uploads in progress\n"
    assert +sync.run(config).counts == {"known": 1, "there": 1, "skipped": 1}
    assert call(config, "forget", str(card)).output == "forgot 3 files and 0 uploads in progress\n"
    assert (config.state / custody.NAME).read_bytes().startswith(log)
    assert sync.run(config).counts["there"] == 2
    assert len(objects(s3)) == 2 and checked(config)[0].ok
    assert call(config, "forget", str(card / "nothing")).output == "forgot 0 files and 0 uploads in progress\n"


def test_uploads_under_way_are_given_up(config: Config, card: Path, s3: Any) -> None:
    from impp_edge.card.find import look
    from impp_edge.digest import digest
    from impp_edge.memory.state import Pending

    path = put(card, CLIP)
    found = look(config.folders[0], path)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    state = State(config.state)
    with path.open("rb") as file:
        state.begin(BUCKET, found, Pending(KEY, upload, digest(file, 1 << 24)))
    state.failed(path, "because")
    state.close()
    assert "1 upload in progress" in call(config, "forget", "-n", str(card)).output
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    assert call(config, "forget", str(card)).output == "forgot 0 files and 1 upload in progress\n"
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    state = State(config.state)
    assert (state.status().pending, state.status().failures, state.fresh) == (0, 0, True)
    state.begin(BUCKET, found, Pending(KEY, "gone", state_digest(path)))
    state.close()
    away = call(replace(config, endpoint_url="http://127.0.0.1:1"), "forget", str(path))
    assert away.exit_code == DONE and "1 upload in progress could not be aborted" in away.output


def state_digest(path: Path) -> Any:
    from impp_edge.digest import digest

    with path.open("rb") as file:
        return digest(file, 1 << 24)


def test_forget_waits_for_nobody(config: Config, card: Path) -> None:
    assert call(config, "forget", str(card)).exit_code == WRONG_SETTING
    bring(config, CLIP)
    with lock(config.state):
        assert call(config, "forget", str(card)).exit_code == LOCKED
    assert click.testing.CliRunner().invoke(main, ["forget", "--state", str(config.state)]).exit_code == 2
