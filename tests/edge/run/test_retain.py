"""Removal from the card: what is removed, what never is, and how it is verified first."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.edge.cards import objects, put

from impp_edge.bucket.aws import Offline
from impp_edge.bucket.s3 import Head, S3Error
from impp_edge.card.find import look
from impp_edge.config import Config, Folder, Retain
from impp_edge.digest import digest
from impp_edge.memory import custody
from impp_edge.memory.state import About, S3Object, State
from impp_edge.run import dry_run, retain, sync
from impp_edge.run.retain import Space, carry_out, plan, preview

BUCKET = "some-bucket"
DAY_S = 86_400
HALF = Space(50, 100)
ROUTINE = "Record/20260115_081502_NF.mp4"
OTHER = "Record/20260115_081602_NF.mp4"
EVENT = "Record/20260115_081702_EF.mp4"


class Bucket:
    """Objects by key, as S3 describes them; ``on_head`` is called before each response."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.requests: list[str] = []
        self.on_head: Any = lambda _key: None

    def head(self, key: str) -> Head | None:
        self.requests.append(key)
        self.on_head(key)
        return self.heads.get(key)


@dataclass
class Edge:
    """A card, its state, custody log and bucket after a run that uploaded some files."""

    card: Path
    config: Config
    state: State
    log: custody.Log
    s3: Bucket
    stop: threading.Event

    def uploaded(self, name: str, days: float = 100, content: bytes | None = None, **about: Any) -> Path:
        """A file of ``days`` ago that was just uploaded, with its object in the bucket."""
        path = put(self.card, name, *([content] if content is not None else []), age=days * DAY_S)
        file = look(self.config.folders[0], path)
        with path.open("rb") as stream:
            content_digest = digest(stream, 1 << 20)
        key = f"originals/{quote(os.fsencode(name))}"
        self.s3.heads[key] = Head(
            "v1", "etag", content_digest.crc64nvme, file.size, {"impp-sha256": content_digest.sha256}, None
        )
        captured = datetime.fromtimestamp(file.mtime, UTC).isoformat()
        known = {"source": "dashcam", "device": "car", "recording": "routine", "captured": captured, **about}
        self.state.remember(
            BUCKET, file, S3Object(key, "v1", content_digest.sha256, content_digest.crc64nvme, "etag"), About(**known)
        )
        return path

    def plan(self, free: Space = HALF, now: float | None = None, **settings: Any) -> list[str]:
        """Names of the files that would be removed with these retain settings."""
        return [removal.file.path.name for removal in self.removals(free, now, **settings)]

    def removals(self, free: Space = HALF, now: float | None = None, **settings: Any) -> list[retain.Removal]:
        folder = replace(self.config.folders[0], retain=Retain(**settings))
        config = replace(self.config, folders=(folder,))
        return plan(config, self.state, now or time.time(), lambda _path: free)

    def remove(self, **settings: Any) -> list[dict[str, Any]]:
        """Events of the removal with these settings; by default, of files older than 30 days."""
        events: list[dict[str, Any]] = []
        removals = self.removals(**(settings or {"older_than_days": 30}))
        carry_out(removals, self.s3, self.state, self.log, events.append, self.stop)
        return events

    def log_events(self) -> list[str]:
        """Events of the custody log, whose chain must hold."""
        assert self.log.check().ok
        return [entry["event"] for entry in custody.entries(self.config.state, {"bucket": BUCKET})]


@pytest.fixture
def edge(card: Path, tmp_path: Path) -> Iterator[Edge]:
    config = Config(BUCKET, (Folder(card),), tmp_path / "state")
    state, log = State(config.state), custody.Log(config.state)
    yield Edge(card, config, state, log, Bucket(), threading.Event())
    log.close()
    state.close()


# --- what is planned --------------------------------------------------------------------------------------------------


def test_nothing_is_removed_without_configuration(edge: Edge) -> None:
    edge.uploaded(ROUTINE)
    assert plan(edge.config, edge.state, time.time(), lambda _: Space(0, 100)) == []


def test_files_above_the_age_limit_are_removed_oldest_first(edge: Edge) -> None:
    edge.uploaded(OTHER, days=31)
    edge.uploaded(ROUTINE, days=40)
    edge.uploaded("Record/20260116_081502_NF.mp4", days=29)
    assert edge.plan(older_than_days=30) == [Path(ROUTINE).name, Path(OTHER).name]
    assert edge.removals(older_than_days=30)[0].reason == "older than 30 days"


def test_the_oldest_files_are_removed_until_enough_space_is_free(edge: Edge) -> None:
    names = [f"Record/20260115_08150{i}_NF.mp4" for i in range(5)]
    for i, name in enumerate(names):
        edge.uploaded(name, days=50 - i, content=bytes(10))
    free = Space(75, 1000)
    assert edge.plan(free, min_free_percent=9.5) == [Path(name).name for name in names[:2]]
    assert edge.plan(free, min_free_percent=7.5) == []
    assert edge.plan(free, min_free_percent=99) == [Path(name).name for name in names]
    assert edge.removals(free, min_free_percent=9.5)[0].reason == "less than 9.5 % free"


def test_a_plan_is_bounded_and_the_next_one_continues(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retain, "MOST", 2)
    for i in range(3):
        edge.uploaded(f"Record/20260115_08150{i}_NF.mp4", days=50 - i)
    assert [len(edge.remove()) for _ in range(3)] == [2, 1, 0]


def test_two_folders_on_one_card_share_its_free_space(edge: Edge) -> None:
    for i in range(4):
        edge.uploaded(f"{'AB'[i % 2]}/20260115_08150{i}_NF.mp4", days=50 - i, content=bytes(10))
    folders = tuple(Folder(edge.card / name, retain=Retain(min_free_percent=9.5)) for name in "AB")
    removals = plan(replace(edge.config, folders=folders), edge.state, time.time(), lambda _: Space(75, 1000))
    assert [str(removal.file.relative) for removal in removals] == ["20260115_081500_NF.mp4", "20260115_081502_NF.mp4"]


def test_only_unchanged_uploaded_files_are_planned(edge: Edge) -> None:
    edge.uploaded(ROUTINE)
    put(edge.card, OTHER, age=100 * DAY_S)
    skipped = put(edge.card, "Record/notes.txt", age=100 * DAY_S)
    edge.state.skip(BUCKET, [(look(edge.config.folders[0], skipped), "no media")])
    grown = edge.uploaded("Record/20260115_081802_NF.mp4")
    grown.write_bytes(b"more")
    gone = edge.uploaded("Record/20260115_081902_NF.mp4")
    gone.unlink()
    linked = edge.uploaded("Record/20260115_082002_NF.mp4")
    linked.rename(edge.card / "elsewhere")
    linked.symlink_to(edge.card / "elsewhere")
    assert edge.plan(older_than_days=30) == [Path(ROUTINE).name]


PROTECTED = {
    "an event by its name": (EVENT, {"recording": "event"}),
    "an event by its folder": ("RO/20260115081502_000123F.MP4", {"recording": "event"}),
    "an event that only the state knows of": ("a.mp4", {"recording": "event"}),
    "a button": ("Record/20260115_081702_MF.mp4", {"recording": "manual"}),
    "nobody knows": ("b.mp4", {"recording": None, "source": None}),
}


@pytest.mark.parametrize(("name", "about"), PROTECTED.values(), ids=PROTECTED.keys())
def test_events_stay_by_default(edge: Edge, name: str, about: dict[str, Any]) -> None:
    edge.uploaded(name, **about)
    assert edge.plan(older_than_days=30) == edge.plan(Space(0, 100), min_free_percent=90) == []
    assert edge.plan(older_than_days=30, events=True) == [Path(name).name]


def test_a_clip_with_the_read_only_attribute_stays_by_default(edge: Edge) -> None:
    edge.uploaded(ROUTINE).chmod(0o444)
    assert edge.plan(older_than_days=30) == []
    assert edge.plan(older_than_days=30, events=True) == [Path(ROUTINE).name]


def test_manual_recordings_of_a_phone_may_be_removed(edge: Edge) -> None:
    edge.uploaded("DCIM/PXL_20260115_081502123.mp4", source="phone", recording="manual")
    assert edge.plan(older_than_days=30) == ["PXL_20260115_081502123.mp4"]


def test_an_implausible_capture_time_counts_from_the_upload(edge: Edge) -> None:
    never_set = edge.uploaded(ROUTINE, days=0, captured="1970-01-01T00:05:00+00:00")
    os.utime(never_set, (60, 60))
    edge.state.remember(
        BUCKET, look(edge.config.folders[0], never_set), S3Object("k", "v1", "s", "c"), About("dashcam", "car", None,
        "routine", "1970-01-01T00:05:00+00:00"),
    )  # fmt: skip
    ahead = edge.uploaded(OTHER, days=-400)
    assert edge.plan(older_than_days=30) == []
    later = time.time() + 31 * DAY_S
    assert sorted(edge.plan(older_than_days=30, now=later)) == sorted([never_set.name, ahead.name])


def test_a_recently_copied_file_is_not_old_by_its_capture_time(edge: Edge) -> None:
    edge.uploaded(ROUTINE, days=1, captured="2020-01-01T00:00:00+00:00")
    assert edge.plan(older_than_days=30) == []


def test_an_absent_card_has_nothing_to_remove(edge: Edge) -> None:
    edge.uploaded(ROUTINE)
    edge.card.rename(edge.card.with_name("pulled out"))
    assert edge.plan(older_than_days=30) == []


# --- sidecars ---------------------------------------------------------------------------------------------------------

FRONT, REAR = "Record/20260115_081502_NF.mp4", "Record/20260115_081502_NR.mp4"
TRACK, THUMB = "Record/20260115_081502_N.gps", "Record/20260115_081502_NF.thm"


def test_sidecars_are_removed_after_their_last_clip(edge: Edge) -> None:
    edge.uploaded(FRONT, days=50)
    edge.uploaded(REAR, days=40)
    for name in (TRACK, THUMB):
        edge.uploaded(name, days=60, sidecar=True)
    assert edge.plan(older_than_days=30) == [Path(name).name for name in (FRONT, THUMB, REAR, TRACK)]
    assert edge.plan(older_than_days=45) == [Path(name).name for name in (FRONT, THUMB)]


def test_a_clip_stays_until_its_sidecars_are_uploaded(edge: Edge) -> None:
    edge.uploaded(FRONT)
    put(edge.card, TRACK)
    assert edge.plan(older_than_days=30) == []
    edge.config = replace(edge.config, folders=(replace(edge.config.folders[0], sidecars="none"),))
    assert edge.plan(older_than_days=30) == [Path(FRONT).name]  # the owner wants no sidecars: they stay on the card


def test_a_sidecar_without_a_clip_is_removed(edge: Edge) -> None:
    edge.uploaded(TRACK, sidecar=True)
    assert edge.plan(older_than_days=30) == [Path(TRACK).name]


def test_sidecars_stay_with_a_clip_that_cannot_be_removed(edge: Edge) -> None:
    paths = [edge.uploaded(FRONT), edge.uploaded(THUMB, sidecar=True)]
    del edge.s3.heads[f"originals/{FRONT}"]
    assert [event["event"] for event in edge.remove()] == ["failed"]
    assert all(path.exists() for path in paths)


# --- carrying it out --------------------------------------------------------------------------------------------------


def test_a_verified_file_is_logged_and_removed(edge: Edge) -> None:
    path = edge.uploaded(ROUTINE)
    file = look(edge.config.folders[0], path)
    events = edge.remove()
    assert not path.exists() and path.parent.is_dir()  # folders are the camera's
    assert [(e["event"], e["path"], e["reason"]) for e in events] == [("removed", str(path), "older than 30 days")]
    (log_events,) = custody.entries(edge.config.state, {"path": str(path)})
    assert (log_events["event"], log_events["key"], log_events["version"]) == ("removed", f"originals/{ROUTINE}", "v1")
    assert edge.state.get(custody.KEPT) == edge.log.head
    assert edge.state.known(BUCKET, file) is None
    (kept,) = edge.state.entries(BUCKET, gone=True)
    assert kept.gone == "removed"


def test_the_custody_log_is_written_before_the_removal(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edge.uploaded(ROUTINE)
    seen: list[list[str]] = []
    real = os.unlink
    monkeypatch.setattr(os, "unlink", lambda *a, **k: (seen.append(edge.log_events()), real(*a, **k))[1])
    edge.remove()
    assert seen[0] == ["removed"] and not path.exists()


def test_a_dry_run_changes_nothing(edge: Edge) -> None:
    path = edge.uploaded(ROUTINE)
    events: list[dict[str, Any]] = []
    preview(edge.removals(older_than_days=30), events.append)
    assert [(e["event"], e["path"], e["size"]) for e in events] == [("would remove", str(path), path.stat().st_size)]
    assert not edge.s3.requests and not edge.log_events()


def changed(**more: Any) -> Any:
    return lambda head: replace(head, **more)


UNPROVEN = {
    "missing, as under a delete marker": (lambda _: None, "no longer in the bucket", True),
    "shorter": (changed(size=3), "3 bytes instead of", True),
    "other bytes": (changed(crc64nvme="AAAAAAAAAAA="), "another checksum", True),
    "another version": (changed(version="v2"), "another version, v2 instead of v1", True),
    "no checksum of the whole": (changed(crc64nvme=None), "lacks a full-object checksum", False),
    "another SHA-256": (changed(metadata={"impp-sha256": "0" * 64}), "or its SHA-256", False),
    "no metadata": (changed(metadata={}), "or its SHA-256", False),
}


@pytest.mark.parametrize(("change", "reason", "reupload"), UNPROVEN.values(), ids=UNPROVEN.keys())
def test_a_file_missing_from_the_bucket_is_never_removed(edge: Edge, change: Any, reason: str, reupload: bool) -> None:
    path, other = edge.uploaded(ROUTINE, days=150), edge.uploaded(OTHER)
    head = change(edge.s3.heads.pop(f"originals/{ROUTINE}"))
    if head:
        edge.s3.heads[f"originals/{ROUTINE}"] = head
    events = edge.remove()
    assert [e["event"] for e in events] == ["failed", "removed"] and reason in events[0]["reason"]
    assert path.exists() and not other.exists()
    assert (edge.state.known(BUCKET, look(edge.config.folders[0], path)) is None) == reupload
    assert [failure.path for failure in edge.state.status().failed] == [str(path)]


def test_changed_content_with_the_same_size_and_time_is_not_removed(edge: Edge) -> None:
    path = edge.uploaded(ROUTINE)
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    (event,) = edge.remove()
    assert event["event"] == "failed" and "its content differs from the upload" in event["reason"]
    assert path.exists() and not edge.s3.requests
    assert edge.state.known(BUCKET, look(edge.config.folders[0], path)) is None


def swapped(path: Path) -> None:
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(status.st_mtime_ns, status.st_mtime_ns))
    other.replace(path)


def rewritten(path: Path) -> None:
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def linked(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


@pytest.mark.parametrize("change", [swapped, rewritten, linked])
def test_a_file_that_changes_after_verification_is_not_removed(edge: Edge, change: Any) -> None:
    path = edge.uploaded(ROUTINE)
    edge.s3.on_head = lambda _key: change(path)
    (event,) = edge.remove()
    assert event["event"] == "failed" and path.exists()
    assert edge.log_events() in ([], ["removed", "stayed"])
    assert edge.state.get(custody.KEPT) in (None, edge.log.head)


def test_a_swap_just_before_removal_is_reverted_in_the_log(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edge.uploaded(ROUTINE)
    real = edge.log.append

    def append(entries: Any) -> str:
        head = real(entries)
        if edge.log_events() == ["removed"]:
            swapped(path)
        return head

    monkeypatch.setattr(edge.log, "append", append)
    (event,) = edge.remove()
    assert "replaced by another file" in event["reason"] and path.exists()
    assert edge.log_events() == ["removed", "stayed"]


def test_a_link_in_the_path_is_not_followed(edge: Edge, tmp_path: Path) -> None:
    path = edge.uploaded(ROUTINE)
    removals = edge.removals(older_than_days=30)
    path.parent.rename(tmp_path / "elsewhere")
    path.parent.symlink_to(tmp_path / "elsewhere")
    events: list[dict[str, Any]] = []
    carry_out(removals, edge.s3, edge.state, edge.log, events.append, edge.stop)
    assert events[0]["event"] == "failed" and path.exists()


@contextmanager
def read_only(monkeypatch: pytest.MonkeyPatch, *, mounted: bool) -> Iterator[None]:
    """A card mounted read-only, or one with read-only folders (simulated, as root may write everywhere)."""
    with monkeypatch.context() as patched:
        if mounted:
            real = os.fstatvfs

            def fstatvfs(handle: int) -> Any:
                values = list(real(handle))
                values[8] |= os.ST_RDONLY
                return os.statvfs_result(values)

            patched.setattr(os, "fstatvfs", fstatvfs)
        else:
            patched.setattr(os, "access", lambda *_a, **_k: False)
        yield


@pytest.mark.parametrize(("mounted", "reason"), [(True, "mounted read-only"), (False, "no write permission for")])
def test_a_read_only_card_is_reported_once_and_nothing_is_read(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, mounted: bool, reason: str
) -> None:
    paths = [edge.uploaded(ROUTINE), edge.uploaded(OTHER)]
    with read_only(monkeypatch, mounted=mounted):
        (event,) = edge.remove()
    assert event["path"] == str(edge.card) and reason in event["reason"]
    assert all(path.exists() for path in paths) and not edge.s3.requests and not edge.log_events()
    assert len(edge.remove()) == 2


def test_a_failed_removal_is_reverted_in_the_log(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edge.uploaded(ROUTINE)

    def refuse(*_args: Any, **_more: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))  # as of a file that is immutable

    monkeypatch.setattr(os, "unlink", refuse)
    (event,) = edge.remove()
    assert "Operation not permitted" in event["reason"] and path.exists()
    assert edge.log_events() == ["removed", "stayed"]


def test_nothing_is_removed_without_a_network_and_nothing_fails(edge: Edge) -> None:
    paths = [edge.uploaded(ROUTINE), edge.uploaded(OTHER)]

    def offline(_key: str) -> None:
        raise Offline("S3 cannot be reached")

    edge.s3.on_head = offline
    (event,) = edge.remove()
    assert event["event"] == "note" and "cannot be reached" in event["reason"]
    assert all(path.exists() for path in paths) and not edge.state.status().failed


def test_access_denied_ends_the_removals(edge: Edge) -> None:
    paths = [edge.uploaded(ROUTINE, days=150), edge.uploaded(OTHER)]

    def forbidden(_key: str) -> None:
        raise S3Error(403, "403", "Forbidden")

    edge.s3.on_head = forbidden
    (event,) = edge.remove()
    assert "s3:GetObject is not allowed" in event["reason"] and len(edge.s3.requests) == 1
    assert all(path.exists() for path in paths)
    known = [edge.state.known(BUCKET, look(edge.config.folders[0], path)) for path in paths]
    assert known == [
        None,
        "brought",
    ]  # were it gone, it will be uploaded again; were it a wrong setting, that costs one file


def test_removals_end_when_the_run_is_asked_to_stop(edge: Edge) -> None:
    paths = [edge.uploaded(ROUTINE, days=150), edge.uploaded(OTHER)]
    edge.s3.on_head = lambda _key: edge.stop.set()
    assert [e["event"] for e in edge.remove()] == ["removed"]
    assert [path.exists() for path in paths] == [False, True]


def test_names_of_any_bytes_are_removed(edge: Edge) -> None:
    path = edge.uploaded(os.fsdecode(b"Record/\xff\x1b[2J\n.mp4"))
    (event,) = edge.remove()
    assert event["event"] == "removed" and not path.exists()


# --- in a run, with a bucket ------------------------------------------------------------------------------------------


def with_retain(config: Config, **settings: Any) -> Config:
    return replace(config, folders=(replace(config.folders[0], source="dashcam", retain=Retain(**settings)),))


def test_a_run_uploads_verifies_and_removes(config: Config, card: Path, s3: Any) -> None:
    old, new = put(card, ROUTINE, age=40 * DAY_S), put(card, OTHER, age=DAY_S)
    event = put(card, EVENT, age=40 * DAY_S)
    contents = sorted(path.read_bytes() for path in (old, new, event))
    events: list[dict[str, Any]] = []
    summary = sync.run(with_retain(config, older_than_days=30), events.append)
    assert summary.complete and summary.counts["removed"] == 1, events
    assert [path.exists() for path in (old, new, event)] == [False, True, True]
    assert sorted(objects(s3).values()) == contents
    assert custody.check(config.state).ok
    again = sync.run(with_retain(config, older_than_days=30), events.append)
    assert (again.counts["known"], again.counts["removed"]) == (2, 0)


def test_a_file_deleted_from_the_bucket_is_uploaded_again_before_removal(config: Config, card: Path, s3: Any) -> None:
    path = put(card, ROUTINE, age=40 * DAY_S)
    content = path.read_bytes()
    sync.run(config)
    (key,) = objects(s3)
    s3.delete_object(Bucket=config.bucket, Key=key)  # leaves a delete marker
    events: list[dict[str, Any]] = []
    summary = sync.run(with_retain(config, older_than_days=30), events.append)
    assert not summary.complete and path.exists()
    assert any("no longer in the bucket" in str(event.get("reason")) for event in events)
    assert sync.run(with_retain(config, older_than_days=30)).counts["removed"] == 1
    assert not path.exists()
    assert s3.get_object(Bucket=config.bucket, Key=key)["Body"].read() == content
    s3.delete_object(Bucket=config.bucket, Key=key, VersionId=delete_marker(s3, config.bucket))


def delete_marker(s3: Any, bucket: str) -> str:
    """The version of the only delete marker, needed to empty the bucket."""
    (marker,) = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    return str(marker["VersionId"])


def test_a_dry_run_lists_the_removals(config: Config, card: Path, s3: Any) -> None:
    path = put(card, ROUTINE, age=40 * DAY_S)
    sync.run(config)
    events: list[dict[str, Any]] = []
    dry_run.preview(with_retain(config, older_than_days=30), events.append, threading.Event())
    assert [event["path"] for event in events if event["event"] == "would remove"] == [str(path)]
    assert path.exists()
