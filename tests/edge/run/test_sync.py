"""Whole runs: nothing is lost, duplicated or replaced, whatever happens during the upload."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.edge.cards import BUCKET, MP4, PART, noise, objects, put
from tests.support.edge.end_to_end import SMALL_PARTS, Runs
from tests.support.paths import REPOSITORY

from impp_edge import digest as digest_module
from impp_edge.card import triage
from impp_edge.config import Config, Folder
from impp_edge.memory.state import Locked, lock
from impp_edge.run import sync, workers

pytestmark = pytest.mark.slow

CLIP = "Record/20260115_081502_EF.mp4"

KILL_AT = REPOSITORY / "tests/support/edge/kill_at.py"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def run(config: Config) -> tuple[sync.Summary, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    summary = sync.run(config, events.append)
    return summary, [e for e in events if e["event"] not in ("progress", "summary")]


def nonzero_counts(summary: sync.Summary) -> dict[str, int]:
    return {kind: count for kind, count in summary.counts.items() if count}


def forget_all(config: Config) -> None:
    for file in config.state.glob("state*"):
        file.unlink()


def test_an_object_has_the_metadata_and_tags_of_the_pipeline(config: Config, card: Path, s3: Any) -> None:
    content = put(card, CLIP).read_bytes()
    summary, events = run(replace(config, folders=(replace(config.folders[0], zone=None),)))
    assert summary.complete and summary.counts["brought"] == 1 and summary.bytes == len(content)
    key = "originals/dashcam/blue-car/2026/01/15/20260115_081502_EF.mp4"
    assert objects(s3) == {key: content}
    head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    sha = hashlib.sha256(content).hexdigest()
    tags = {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]}
    assert tags.keys() == {"impp:source", "impp:timestamp", "impp:checksum", "owner"}
    assert (tags["impp:source"], tags["impp:checksum"], tags["owner"]) == ("dashcam", sha, "anna")
    assert head["ChecksumCRC64NVME"] == head["Metadata"]["impp-crc64nvme"]
    assert head["ChecksumType"] == "FULL_OBJECT" and head["ContentType"] == "video/mp4"
    expected = {"sha256": sha, "source": "dashcam", "device": "blue-car", "camera": "front", "recording": "event",
                "captured-at-from": "filename", "original-name": CLIP}  # fmt: skip
    assert {k: head["Metadata"][f"impp-{k}"] for k in expected} == expected
    assert events[0]["version"] == head["VersionId"]


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 2 * PART + 12345])
def test_every_size_arrives_with_a_full_object_checksum(config: Config, card: Path, s3: Any, size: int) -> None:
    content = (MP4 + noise(size))[:size]
    put(card, "clip.mp4", content)
    summary, events = run(config)
    assert summary.complete, events
    assert list(objects(s3).values()) == [content]
    head = s3.head_object(Bucket=BUCKET, Key=events[0]["key"], ChecksumMode="ENABLED")
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert head["ChecksumCRC64NVME"] == digest_module.text(digest_module.crc64nvme(content, 0))
    assert len(s3.get_object_tagging(Bucket=BUCKET, Key=events[0]["key"])["TagSet"]) == 4
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


HOSTILE: list[str | bytes] = [
    "with space.mp4", " leading and trailing .mp4 ", "ünïcode 日本語.mp4", "u\u0308.mp4", "a+b.mp4", "100%.mp4",
    "%2F..%2F.mp4",
    "\"quoted'.mp4", "new\nline.mp4", "tab\t.mp4", "back\\slash.mp4", "q?a#b&c=d.mp4", "-rf.mp4", "~.mp4", "*.mp4",
    "…" * 80 + ".mp4", b"latin\xfc.mp4", b"\xff\xfe.mp4", "🚗.mp4", "\u202egpj.mp4",
]  # fmt: skip


def test_original_names_are_preserved(config: Config, card: Path, s3: Any) -> None:
    contents = sorted(put(card, name).read_bytes() for name in HOSTILE)
    summary, events = run(config)
    assert summary.complete, [e for e in events if e["event"] == "failed"]
    assert sorted(objects(s3).values()) == contents
    assert all(key.startswith("originals/phone/blue-car/") and key.count("/") == 6 for key in objects(s3))
    json.dumps(events).encode()
    assert nonzero_counts(run(config)[0]) == {"known": len(HOSTILE)}


def test_a_second_run_reads_and_sends_nothing(
    config: Config, card: Path, monkeypatch: pytest.MonkeyPatch, s3: Any
) -> None:
    path = put(card, CLIP)
    run(config)
    monkeypatch.setattr(workers, "Workers", lambda *_: pytest.fail("there is nothing to bring"))
    assert nonzero_counts(run(config)[0]) == {"known": 1}
    path.unlink()  # overwritten by the camera: nothing to do, nothing removed
    assert nonzero_counts(run(config)[0]) == {}
    assert len(objects(s3)) == 1


@pytest.mark.parametrize("size", [100, PART + 100])
def test_lost_state_creates_no_second_object(config: Config, card: Path, s3: Any, size: int) -> None:
    put(card, CLIP, MP4 + noise(size))
    run(config)
    forget_all(config)
    summary, events = run(config)
    assert nonzero_counts(summary) == {"there": 1} and summary.bytes == 0 and summary.complete
    assert events[0]["version"]
    assert len(objects(s3)) == 1
    assert nonzero_counts(run(config)[0]) == {"known": 1}


@pytest.mark.parametrize("size", [100, PART + 100])
def test_another_file_of_the_same_name_gets_a_key_of_its_own(config: Config, card: Path, s3: Any, size: int) -> None:
    first = put(card, "DCIM/100GOPRO/GX010001.MP4", MP4 + noise(size)).read_bytes()
    second = put(card, "DCIM/101GOPRO/GX010001.MP4", MP4 + noise(size, seed=1)).read_bytes()
    summary, events = run(config)
    assert nonzero_counts(summary) == {"brought": 2} and sorted(e["renamed"] for e in events) == [False, True]
    stored = objects(s3)
    assert sorted(stored.values()) == sorted([first, second])
    other = next(key for key in stored if "~" in key)
    assert other.endswith(f"/GX010001~{hashlib.sha256(stored[other]).hexdigest()[:8]}.MP4")
    forget_all(config)
    assert nonzero_counts(run(config)[0]) == {"there": 2}
    assert len(objects(s3)) == 2


STEPS = ["digest", "begin", "create", "put", "part", "complete", "append", "remember", "done"]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_the_next_run_completes_after_a_kill_at_any_step(
    config: Config, runs: Runs, card: Path, s3: Any, step: str, after: bool
) -> None:
    small = [put(card, f"Record/20260115_08150{i}_NF.mp4").read_bytes() for i in range(3)]
    large = put(card, "Record/20260115_081509_EF.mp4", MP4 + noise(PART)).read_bytes()
    where = ["--bucket", BUCKET, "--state", str(config.state), "--endpoint-url", str(config.endpoint_url)]
    killed = runs.run(
        ["sync", str(card), *where, "--device", "Blue Car", "--tag", "owner=anna", "--workers", "2"],
        f"{SMALL_PARTS}\nimport runpy; runpy.run_path({str(KILL_AT)!r})['kill_at']({step!r}, {after})",
        {name: os.environ[name] for name in KEYS},
    )
    assert killed.code == -signal.SIGKILL, killed
    summary, events = run(config)
    assert summary.complete, events
    assert sorted(objects(s3).values()) == sorted([*small, large])
    assert nonzero_counts(run(config)[0]) == {"known": 4}


def test_concurrent_runs_upload_each_file_once(config: Config, card: Path, s3: Any) -> None:
    contents = sorted(put(card, f"Record/20260115_0815{i:02}_NF.mp4").read_bytes() for i in range(30))
    with lock(config.state), pytest.raises(Locked):
        run(config)
    other = replace(config, state=config.state / "other")  # another box with the same card: only S3 is between them
    summaries: list[sync.Summary] = []
    threads = [threading.Thread(target=lambda c=c: summaries.append(sync.run(c))) for c in (config, other)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(s.complete for s in summaries)
    assert sum(s.counts["brought"] + s.counts["there"] for s in summaries) == 60
    assert sum(s.counts["brought"] for s in summaries) == 30
    assert sorted(objects(s3).values()) == contents


def test_a_file_still_being_written_waits(config: Config, card: Path, s3: Any) -> None:
    path = put(card, CLIP, age=1)
    assert nonzero_counts(run(config)[0]) == {"restless": 1}
    with path.open("ab") as file:
        file.write(b"more")
    assert nonzero_counts(run(config)[0]) == {"restless": 1}
    os.utime(path, (1, time.time() - 3600))
    assert nonzero_counts(run(config)[0]) == {"brought": 1}
    assert list(objects(s3).values()) == [path.read_bytes()]


@pytest.mark.parametrize("size", [100, 2 * PART])
def test_a_file_that_changes_during_the_upload_is_not_recorded(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = put(card, CLIP, MP4 + noise(size))
    real = workers.digest

    def changing(file: Any, *args: Any) -> Any:
        content = real(file, *args)
        with path.open("r+b") as other:
            other.write(b"CHANGED!")
        return content

    monkeypatch.setattr(workers, "digest", changing)
    summary, events = run(config)
    assert nonzero_counts(summary) == {"failed": 1} and "changed" in events[0]["reason"]
    assert objects(s3) == {}
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    monkeypatch.setattr(workers, "digest", real)
    os.utime(path, (1, time.time() - 3600))
    assert nonzero_counts(run(config)[0]) == {"brought": 1}
    assert list(objects(s3).values()) == [path.read_bytes()]


@pytest.mark.parametrize("size", [100, 2 * PART])
def test_s3_rejects_bytes_that_differ_from_the_hashed_ones(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A failing card returns different bytes on each read; the file is too large to be read only once."""
    monkeypatch.setattr(workers, "KEEP", 0)
    path = put(card, CLIP, MP4 + noise(size))
    before, real = path.stat(), workers.digest

    def failing_card(file: Any, *args: Any) -> Any:
        content = real(file, *args)
        with path.open("r+b") as other:
            other.write(b"ROTTEN")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return content

    monkeypatch.setattr(workers, "digest", failing_card)
    summary, events = run(config)
    assert nonzero_counts(summary) == {"failed": 1} and "not those that were hashed" in events[0]["reason"]
    assert objects(s3) == {}
    monkeypatch.setattr(workers, "digest", real)
    assert nonzero_counts(run(config)[0]) == {"brought": 1}
    assert list(objects(s3).values()) == [path.read_bytes()]


def test_other_files_are_skipped_and_reported_once(config: Config, card: Path, s3: Any) -> None:
    put(card, "notes.txt", b"milk, eggs")
    put(card, "Record/20260115_081502_N.gps", b"$GPRMC")
    put(card, "DCIM/100GOPRO/GX010001.MP4")
    put(card, "DCIM/100GOPRO/GL010001.LRV")
    put(card, "Videos/260115_081502_001_FH.MP4")
    put(card, "Videos/260115_081502_001_FL.MP4")
    put(card, "Videos/260115_081509_001_FL.MP4")  # its high-rate twin is gone: better than nothing
    put(card, "text named.mp4", b"no film at all")  # the pipeline shall say what is wrong with it
    put(card, "no extension")
    put(card, "nothing in it.mp4", b"")
    (card / "link.mp4").symlink_to(card / "notes.txt")
    (card / "loop").symlink_to(card)
    summary, events = run(config)
    reasons = {"no media": 1, "low-resolution twin": 2, "empty": 1}
    assert summary.reasons == reasons and [e["event"] for e in events].count("skipped") == 4
    assert sorted(key.rsplit("/", 1)[-1] for key in objects(s3)) == [
        "20260115_081502_N.gps", "260115_081502_001_FH.MP4", "260115_081509_001_FL.MP4", "GX010001.MP4",
        "no extension", "text named.mp4",
    ]  # fmt: skip
    summary, events = run(config)
    assert nonzero_counts(summary) == {"known": 6, "skipped": 4} and summary.reasons == reasons and events == []
    none = replace(config.folders[0], sidecars="none", unknown="skip")
    put(card, "Record/20260115_090000_N.gps", b"$GPRMC")
    put(card, "no camera knows this.mp4")
    summary, _ = run(replace(config, folders=(none,)))
    assert summary.reasons == {"no known camera": 3, "sidecar": 3}


def test_one_bad_file_or_folder_does_not_block_the_others(config: Config, card: Path, s3: Any, tmp_path: Path) -> None:
    put(card, CLIP)
    gone = Folder(tmp_path / "no card in the reader")
    summary, events = run(replace(config, folders=(gone, *config.folders)))
    assert nonzero_counts(summary) == {"failed": 1, "brought": 1} and not summary.complete
    assert "cannot be listed: No such file" in next(e["reason"] for e in events if e["event"] == "failed")


def test_a_file_deleted_while_queued_fails_alone(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = put(card, CLIP), put(card, "Record/20260115_081502_NF.mp4")
    real = triage.order

    def vanish(*args: Any) -> Any:
        path.unlink(missing_ok=True)
        return real(*args)

    monkeypatch.setattr(triage, "order", vanish)
    summary, events = run(config)
    assert nonzero_counts(summary) == {"failed": 1, "brought": 1}
    assert next(e for e in events if e["event"] == "failed")["reason"].startswith("changed or disappeared")
    assert list(objects(s3).values()) == [other.read_bytes()]


@pytest.mark.parametrize("size", [100, 2 * PART])
def test_a_folder_replaced_by_a_link_while_queued_leads_to_nobody_elses_file(
    config: Config, card: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Whoever may write to a shared folder cannot have the edge upload what only the edge may read."""
    path = put(card, CLIP, MP4 + noise(size))
    private = put(tmp_path / "private", path.name, MP4 + noise(size, seed=1))
    os.utime(private, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    real = triage.order

    def swap(*args: Any) -> Any:
        if not path.parent.is_symlink():
            path.parent.rename(tmp_path / "moved")
            path.parent.symlink_to(private.parent)
        return real(*args)

    monkeypatch.setattr(triage, "order", swap)
    assert nonzero_counts(run(config)[0]) == {"failed": 1}
    assert objects(s3) == {}


def test_a_run_stops_without_a_network_and_the_next_one_continues(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impp_edge.bucket.backoff.BACKOFF_BASE_S", 0.001)
    contents = sorted(put(card, f"Record/20260115_0815{i:02}_NF.mp4").read_bytes() for i in range(20))
    offline = replace(config, endpoint_url="http://127.0.0.1:1")
    for _ in range(3):
        summary, events = run(offline)
        assert summary.stopped and "cannot be reached" in summary.stopped and not summary.complete
        assert nonzero_counts(summary) == {"waiting": 20} and events == []
        assert summary.waiting_bytes == sum(map(len, contents)) and summary.oldest_waiting is not None
    assert nonzero_counts(run(config)[0]) == {"brought": 20}
    assert sorted(objects(s3).values()) == contents


def test_events_precede_routine_clips_and_old_ones_new_ones(config: Config, card: Path) -> None:
    put(card, "Record/20260115_080000_NF.mp4", age=9000)
    put(card, "Record/20260115_090000_NF.mp4", age=5000)
    put(card, "Record/20260115_100000_EF.mp4", age=1000)
    _, events = run(replace(config, workers=1))
    assert [Path(e["path"]).name[9:17] for e in events] == ["100000_E", "080000_N", "090000_N"]


def test_the_python_checksum_equals_the_native_one() -> None:
    data = os.urandom(10_000)
    assert digest_module.slow_crc64nvme(b"123456789") == 0xAE8B14860A799888  # the catalogue's check value
    assert digest_module.slow_crc64nvme(
        data[5000:], digest_module.slow_crc64nvme(data[:5000])
    ) == digest_module.crc64nvme(data, 0)
