"""``verify``: every mismatch of card, bucket and custody log is found and named."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.edge.cards import BUCKET, MP4, PART, put
from tests.support.edge.evidence import (
    CLIP,
    KEY,
    FixedHead,
    call,
    forge_log,
    overwrite_with_same_size_and_time,
    put_another_version,
    put_same_content,
    replace_with_pipe,
    upload_files,
    verify_all,
)

from impp_edge.bucket.s3 import S3, Offline, S3Error
from impp_edge.check import comparison as verify_module
from impp_edge.check.comparison import Reader, verify
from impp_edge.cli import DONE, SOME_FAILED, WRONG_SETTING
from impp_edge.config import Config
from impp_edge.memory import custody
from impp_edge.memory.state import State
from impp_edge.run import sync

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def ignore_user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impp_edge.cli.DEFAULT_CONFIG", tmp_path / "none.toml")
    for name in [name for name in os.environ if name.startswith("IMPP_EDGE_")]:
        monkeypatch.delenv(name)


# --- verify -----------------------------------------------------------------------------------------------------------


def test_an_unchanged_card_and_bucket_are_equal(config: Config, card: Path) -> None:
    upload_files(config, CLIP, "a.mp4", "b.mp4")
    result, wrong = verify_all(config)
    assert result.ok and result.counts == {"equal": 3, "new": 0} and result.log.entries == 3 and not wrong
    assert result.bytes == 3 * 40


def test_waiting_and_deleted_files_are_only_counted(config: Config, card: Path) -> None:
    first, _ = upload_files(config, CLIP, "a.mp4")
    first.unlink()
    put(card, "new.mp4")
    put(card, "notes.txt", b"text")
    result, wrong = verify_all(config)
    assert result.ok and not wrong
    assert (result.counts["equal"], result.counts["gone"], result.counts["new"]) == (1, 1, 1)
    assert verify_all(config, gone=True)[0].counts["gone"] == 1


TROUBLE: list[tuple[Callable[[Path, Any], Any], str, str]] = [
    (overwrite_with_same_size_and_time, "differs", "its content on the card differs from the upload"),
    (lambda path, _: os.utime(path, (1, 1)), "changed", "it changed on the card"),
    (replace_with_pipe, "changed", "it changed on the card"),
    (lambda _, s3: s3.delete_object(Bucket=BUCKET, Key=KEY), "missing", "it is no longer in the bucket"),
    (put_another_version, "differs", "S3 has the CRC-64/NVME"),
    (lambda _, s3: s3.put_object(Bucket=BUCKET, Key=KEY, Body=b""), "differs", "S3 has 0 bytes, not 40"),
    (lambda _, s3: s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"y" * 40), "differs", "S3 has no full-object checksum"),
    (put_same_content, "differs", "the newest version in S3 is"),
]


@pytest.mark.usefixtures("remove_versions")
@pytest.mark.parametrize(("harm", "kind", "reason"), TROUBLE)
def test_each_mismatch_is_named(config: Config, s3: Any, harm: Callable[..., Any], kind: str, reason: str) -> None:
    path, _ = upload_files(config, CLIP, "a.mp4")
    harm(path, s3)
    result, wrong = verify_all(config)
    assert not result.ok and result.counts[kind] == 1 and result.counts["equal"] == 1
    assert [(one["kind"], one["path"], one["key"]) for one in wrong] == [(kind, str(path), KEY)]
    assert wrong[0]["reason"].startswith(reason)


@pytest.mark.usefixtures("remove_versions")
def test_every_mismatch_of_a_file_is_reported(config: Config, s3: Any) -> None:
    path = upload_files(config, CLIP)[0]
    os.utime(path, (1, 1))
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    forge_log(config, lambda entries: [])
    assert verify_all(config)[1][0]["reason"] == (
        "it changed on the card after its upload; it is no longer in the bucket; the custody log has no entry for it"
    )


@pytest.mark.usefixtures("remove_versions")
def test_objects_of_deleted_files_are_checked_on_request(config: Config, s3: Any) -> None:
    upload_files(config, CLIP)[0].unlink()
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert verify_all(config)[0].ok
    result, wrong = verify_all(config, gone=True)
    assert not result.ok and wrong[0]["kind"] == "missing"


def test_paths_limit_the_check(config: Config, card: Path) -> None:
    first, other, _ = upload_files(config, CLIP, "Record2/20260115_081503_EF.mp4", "a.mp4")
    for path in (first, other):
        os.utime(path, (1, 1))
    put(card, "Record/20260115_091502_EF.mp4")
    result, wrong = verify_all(config, first.parent)
    assert [one["path"] for one in wrong] == [str(first)] and result.counts["new"] == 1
    assert [one["path"] for one in verify_all(config, other)[1]] == [str(other)]
    assert verify_all(config, card / "a.mp4")[0].ok


def raising(error: Exception) -> FixedHead:
    def answer() -> Any:
        raise error

    return FixedHead(answer)


def test_s3_errors_are_reported(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4")
    result, wrong = verify_all(config, s3=raising(S3Error(403, "403", "Forbidden")))
    assert result.counts["missing"] == 2 and "it is missing, or s3:GetObject is not allowed" in wrong[0]["reason"]
    result, wrong = verify_all(config, s3=raising(S3Error(500, "InternalError", "sorry")))
    assert result.counts["unreadable"] == 2 and wrong[0]["reason"] == "S3 returned InternalError: sorry"


def test_verify_ends_offline_or_on_stop_and_is_not_ok(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4")
    offline = replace(config, endpoint_url="http://127.0.0.1:1")
    result = call(offline, "verify")
    assert result.exit_code == SOME_FAILED and "stopped: " in result.output and "cannot be reached" in result.output
    state, stop = Reader(config.state), threading.Event()
    stop.set()
    never = FixedHead(lambda: pytest.fail("S3 was called"))
    outcome = verify(config, state, never, lambda _: None, stop)  # type: ignore[arg-type]
    state.close()
    assert not outcome.ok and outcome.stopped == "asked to stop" and not outcome.counts["equal"]


def test_the_number_of_files_in_memory_is_bounded(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert verify_all(config)[0].counts["equal"] == 8
    assert batches == [3, 3, 2]


# --- the log and the bucket -------------------------------------------------------------------------------------------


def test_an_edited_log_is_reported(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4", "b.mp4")
    path = config.state / custody.NAME
    path.write_bytes(path.read_bytes().replace(b"081502", b"081503"))
    result = call(config, "verify", "--log-only")
    assert result.exit_code == SOME_FAILED
    assert "custody log: line 1 (edited): it was changed: its content does not match its hash" in result.output
    report = json.loads(call(config, "verify", "--log-only", "--json").output)
    assert (report["ok"], report["findings"][0]["line"], report["findings"][0]["kind"]) == (False, 1, "edited")
    assert call(config, "verify").exit_code == SOME_FAILED


def test_a_truncated_log_is_still_reported_after_the_next_run(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4", "b.mp4")
    path = config.state / custody.NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert "line 3 (cut)" in call(config, "verify", "--log-only").output
    put(config.folders[0].path, "c.mp4")
    events: list[dict[str, Any]] = []
    assert sync.run(config, events.append).complete
    assert any("was cut or replaced" in event["reason"] for event in events if event["event"] == "note")
    shown = call(config, "verify")
    assert shown.exit_code == SOME_FAILED
    assert "line 3 (cut): the log had lost its end after entry 2 when this run began" in shown.output
    assert "unlogged: " in shown.output and "b.mp4: the custody log has no entry for it" in shown.output


def test_a_rewritten_log_contradicts_the_objects_in_the_bucket(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4", "b.mp4")

    def backdated(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**entry, "at": entry["at"].replace("20", "19", 1)} for entry in entries]

    forge_log(config, backdated)
    assert call(config, "verify", "--log-only").exit_code == DONE  # its chain is intact
    result, wrong = verify_all(config)
    assert result.log.ok and not result.ok
    # the first object carries the hash of an empty log, which fits every log: the later ones show it
    assert [one["kind"] for one in wrong] == ["forged", "forged"]
    assert wrong[0]["reason"].endswith("carries a hash that the custody log does not hold: the log was rewritten")


def test_an_entry_moved_before_its_objects_predecessor_is_found(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4", "b.mp4")
    state = State(config.state)
    entries = list(state.entries(BUCKET))
    state.close()
    first = next(custody.entries(config.state, {"n": 1}))
    late = verify_module._Seen(entries[0], "equal", anchor=next(custody.entries(config.state, {"n": 3}))["hash"])
    assert entries[0].s3_object.key == first["key"]
    verify_module.against_log(config, [late])
    assert late.kind == "forged" and late.reason and "holds only after its entry 1" in late.reason


def test_a_removed_entry_is_found_in_a_rebuilt_chain(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4")
    forge_log(config, lambda entries: entries[:1])
    result, wrong = verify_all(config)
    assert result.log.ok and [one["kind"] for one in wrong] == ["unlogged"]


def test_objects_uploaded_without_a_log_are_counted(config: Config, card: Path, s3: Any) -> None:
    body = put(card, CLIP).read_bytes()
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body, ChecksumAlgorithm="CRC64NVME")
    assert sync.run(config).counts["there"] == 1
    assert verify_all(config)[0].counts["equal"] == 1  # its entry says that it was there
    (config.state / custody.NAME).unlink()
    state = State(config.state)
    state.set(custody.KEPT, None)
    state.close()
    result, wrong = verify_all(config)
    assert result.ok and not wrong and +result.counts == {"earlier": 1}


def test_a_changed_entry_is_found(config: Config) -> None:
    upload_files(config, CLIP)
    forge_log(config, lambda entries: [{**entries[0], "sha256": "0" * 64}])
    assert verify_all(config)[1][0]["reason"] == "its entry in the custody log differs from the state"


def test_a_lost_state_folder_is_not_a_forgery(config: Config) -> None:
    upload_files(config, CLIP, "a.mp4")
    shutil.rmtree(config.state)
    assert sync.run(config).counts["there"] == 2
    result, wrong = verify_all(config)
    assert result.ok and not wrong and result.log.entries == 2


def test_an_upload_begun_before_the_state_was_lost_is_not_a_forgery(config: Config, monkeypatch: Any) -> None:
    """Its object carries a hash of the lost log, set when the upload began."""
    (clip,) = upload_files(config, CLIP)
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
    result, wrong = verify_all(config)
    assert result.ok and not wrong and result.counts["equal"] == 2


# --- verify, the command ----------------------------------------------------------------------------------------------


def test_verify_exit_codes_and_output(config: Config, card: Path) -> None:
    assert "nothing was uploaded" in call(config, "verify").output
    assert call(config, "verify").exit_code == WRONG_SETTING
    assert call(config, "verify", "--log-only").exit_code == WRONG_SETTING
    upload_files(config, CLIP, "a.mp4")
    put(card, "new.mp4")
    result = call(config, "verify", str(card))
    assert result.exit_code == DONE, result.output
    assert "custody log: 2 entries, intact; the newest is " in result.output
    assert "2 equal (80 B read), 1 not uploaded yet in " in result.output
    assert call(config, "verify").output.count("not uploaded yet") == 0  # without folders there is nothing to compare
    (card / "a.mp4").write_bytes(b"new")
    shown = [json.loads(line) for line in call(config, "verify", "--json").output.splitlines()]
    assert [line["event"] for line in shown] == ["wrong", "summary"]
    assert shown[0]["kind"] == "changed" and (shown[1]["ok"], shown[1]["equal"], shown[1]["changed"]) == (False, 1, 1)


def test_log_only_needs_no_network(config: Config) -> None:
    upload_files(config, CLIP)
    result = call(replace(config, endpoint_url="http://127.0.0.1:1"), "verify", "--log-only")
    assert result.exit_code == DONE and "1 entries, intact" in result.output


def test_names_are_printed_without_control_characters(config: Config, card: Path) -> None:
    path = upload_files(config, "\x1b[2J\x07.mp4")[0]
    os.utime(path, (1, 1))
    for result in (call(config, "verify"), call(config, "prove", str(path))):
        assert "\x1b" not in result.output and "\\x1b[2J" in result.output


def test_wrong_credentials_exit_with_wrong_setting(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upload_files(config, CLIP)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for command in (["verify"], ["prove", KEY]):
        result = call(config, *command)
        assert result.exit_code == WRONG_SETTING and "no AWS credentials" in result.output
