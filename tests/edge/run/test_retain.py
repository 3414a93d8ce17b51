"""What is removed from a card, what never is, and what is proven before."""

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
from impp_edge.memory.state import About, Brought, State
from impp_edge.run import dry_run, retain, sync
from impp_edge.run.retain import Space, carry_out, plan, preview

BUCKET = "some-bucket"
DAY_S = 86_400
HALF = Space(50, 100)
ROUTINE = "Record/20260115_081502_NF.mp4"
OTHER = "Record/20260115_081602_NF.mp4"
EVENT = "Record/20260115_081702_EF.mp4"


class Bucket:
    """Objects by key as S3 would show them; ``on_head`` is called before each answer."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.asked: list[str] = []
        self.on_head: Any = lambda _key: None

    def head(self, key: str) -> Head | None:
        self.asked.append(key)
        self.on_head(key)
        return self.heads.get(key)


@dataclass
class Edge:
    """A card, its memory, its log and the bucket, all of a run that brought some files."""

    card: Path
    config: Config
    state: State
    log: custody.Log
    s3: Bucket
    stop: threading.Event

    def brought(self, name: str, days: float = 100, content: bytes | None = None, **about: Any) -> Path:
        """A file of some ``days`` ago that was brought now, with its object in the bucket."""
        path = put(self.card, name, *([content] if content is not None else []), age=days * DAY_S)
        found = look(self.config.folders[0], path)
        with path.open("rb") as file:
            made = digest(file, 1 << 20)
        key = f"originals/{quote(os.fsencode(name))}"
        self.s3.heads[key] = Head("v1", "etag", made.crc64nvme, found.size, {"impp-sha256": made.sha256}, None)
        captured = datetime.fromtimestamp(found.mtime, UTC).isoformat()
        known = {"source": "dashcam", "device": "car", "recording": "routine", "captured": captured, **about}
        self.state.remember(BUCKET, found, Brought(key, "v1", made.sha256, made.crc64nvme, "etag"), About(**known))
        return path

    def plan(self, free: Space = HALF, now: float | None = None, **settings: Any) -> list[str]:
        """Names of what would be removed, by settings of the retain table."""
        return [removal.found.path.name for removal in self.removals(free, now, **settings)]

    def removals(self, free: Space = HALF, now: float | None = None, **settings: Any) -> list[retain.Removal]:
        folder = replace(self.config.folders[0], retain=Retain(**settings))
        config = replace(self.config, folders=(folder,))
        return plan(config, self.state, now or time.time(), lambda _path: free)

    def remove(self, **settings: Any) -> list[dict[str, Any]]:
        """What is told when all that is planned is carried out; by default, what is older than 30 days."""
        told: list[dict[str, Any]] = []
        removals = self.removals(**(settings or {"older_than_days": 30}))
        carry_out(removals, self.s3, self.state, self.log, told.append, self.stop)
        return told

    def noted(self) -> list[str]:
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


def test_nothing_is_removed_where_nobody_asked_for_it(edge: Edge) -> None:
    edge.brought(ROUTINE)
    assert plan(edge.config, edge.state, time.time(), lambda _: Space(0, 100)) == []


def test_age_removes_what_is_older_oldest_first(edge: Edge) -> None:
    edge.brought(OTHER, days=31)
    edge.brought(ROUTINE, days=40)
    edge.brought("Record/20260116_081502_NF.mp4", days=29)
    assert edge.plan(older_than_days=30) == [Path(ROUTINE).name, Path(OTHER).name]
    assert edge.removals(older_than_days=30)[0].reason == "older than 30 days"


def test_space_removes_the_oldest_until_enough_is_free(edge: Edge) -> None:
    names = [f"Record/20260115_08150{i}_NF.mp4" for i in range(5)]
    for i, name in enumerate(names):
        edge.brought(name, days=50 - i, content=bytes(10))
    free = Space(75, 1000)
    assert edge.plan(free, min_free_percent=9.5) == [Path(name).name for name in names[:2]]
    assert edge.plan(free, min_free_percent=7.5) == []
    assert edge.plan(free, min_free_percent=99) == [Path(name).name for name in names]
    assert edge.removals(free, min_free_percent=9.5)[0].reason == "less than 9.5 % free"


def test_a_plan_has_an_end_and_the_next_one_goes_on(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retain, "MOST", 2)
    for i in range(3):
        edge.brought(f"Record/20260115_08150{i}_NF.mp4", days=50 - i)
    assert [len(edge.remove()) for _ in range(3)] == [2, 1, 0]


def test_two_folders_of_one_card_free_it_together(edge: Edge) -> None:
    for i in range(4):
        edge.brought(f"{'AB'[i % 2]}/20260115_08150{i}_NF.mp4", days=50 - i, content=bytes(10))
    folders = tuple(Folder(edge.card / name, retain=Retain(min_free_percent=9.5)) for name in "AB")
    removals = plan(replace(edge.config, folders=folders), edge.state, time.time(), lambda _: Space(75, 1000))
    assert [str(removal.found.relative) for removal in removals] == ["20260115_081500_NF.mp4", "20260115_081502_NF.mp4"]


def test_only_what_was_uploaded_and_is_still_the_same_is_planned(edge: Edge) -> None:
    edge.brought(ROUTINE)
    put(edge.card, OTHER, age=100 * DAY_S)
    skipped = put(edge.card, "Record/notes.txt", age=100 * DAY_S)
    edge.state.skip(BUCKET, look(edge.config.folders[0], skipped), "no media")
    grown = edge.brought("Record/20260115_081802_NF.mp4")
    grown.write_bytes(b"more")
    gone = edge.brought("Record/20260115_081902_NF.mp4")
    gone.unlink()
    linked = edge.brought("Record/20260115_082002_NF.mp4")
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
    edge.brought(name, **about)
    assert edge.plan(older_than_days=30) == edge.plan(Space(0, 100), min_free_percent=90) == []
    assert edge.plan(older_than_days=30, events=True) == [Path(name).name]


def test_a_clip_that_the_camera_locked_by_its_attribute_stays_by_default(edge: Edge) -> None:
    edge.brought(ROUTINE).chmod(0o444)
    assert edge.plan(older_than_days=30) == []
    assert edge.plan(older_than_days=30, events=True) == [Path(ROUTINE).name]


def test_footage_of_a_phone_is_all_made_by_hand_and_may_go(edge: Edge) -> None:
    edge.brought("DCIM/PXL_20260115_081502123.mp4", source="phone", recording="manual")
    assert edge.plan(older_than_days=30) == ["PXL_20260115_081502123.mp4"]


def test_a_clock_in_doubt_counts_from_when_it_was_uploaded(edge: Edge) -> None:
    never_set = edge.brought(ROUTINE, days=0, captured="1970-01-01T00:05:00+00:00")
    os.utime(never_set, (60, 60))
    edge.state.remember(
        BUCKET, look(edge.config.folders[0], never_set), Brought("k", "v1", "s", "c"), About("dashcam", "car", None,
        "routine", "1970-01-01T00:05:00+00:00"),
    )  # fmt: skip
    ahead = edge.brought(OTHER, days=-400)
    assert edge.plan(older_than_days=30) == []
    later = time.time() + 31 * DAY_S
    assert sorted(edge.plan(older_than_days=30, now=later)) == sorted([never_set.name, ahead.name])


def test_what_was_copied_lately_is_not_old_by_its_capture_time_alone(edge: Edge) -> None:
    edge.brought(ROUTINE, days=1, captured="2020-01-01T00:00:00+00:00")
    assert edge.plan(older_than_days=30) == []


def test_a_card_that_is_not_there_has_nothing_to_remove(edge: Edge) -> None:
    edge.brought(ROUTINE)
    edge.card.rename(edge.card.with_name("pulled out"))
    assert edge.plan(older_than_days=30) == []


# --- sidecars ---------------------------------------------------------------------------------------------------------

FRONT, REAR = "Record/20260115_081502_NF.mp4", "Record/20260115_081502_NR.mp4"
TRACK, THUMB = "Record/20260115_081502_N.gps", "Record/20260115_081502_NF.thm"


def test_sidecars_go_after_the_last_clip_that_they_belong_to(edge: Edge) -> None:
    edge.brought(FRONT, days=50)
    edge.brought(REAR, days=40)
    for name in (TRACK, THUMB):
        edge.brought(name, days=60, sidecar=True)
    assert edge.plan(older_than_days=30) == [Path(name).name for name in (FRONT, THUMB, REAR, TRACK)]
    assert edge.plan(older_than_days=45) == [Path(name).name for name in (FRONT, THUMB)]


def test_a_clip_stays_while_its_data_is_not_uploaded(edge: Edge) -> None:
    edge.brought(FRONT)
    put(edge.card, TRACK)
    assert edge.plan(older_than_days=30) == []
    edge.config = replace(edge.config, folders=(replace(edge.config.folders[0], sidecars="none"),))
    assert edge.plan(older_than_days=30) == [Path(FRONT).name]  # the owner wants no sidecars: they stay on the card


def test_a_sidecar_without_a_clip_goes_by_itself(edge: Edge) -> None:
    edge.brought(TRACK, sidecar=True)
    assert edge.plan(older_than_days=30) == [Path(TRACK).name]


def test_sidecars_stay_with_a_clip_that_cannot_be_removed(edge: Edge) -> None:
    paths = [edge.brought(FRONT), edge.brought(THUMB, sidecar=True)]
    del edge.s3.heads[f"originals/{FRONT}"]
    assert [event["event"] for event in edge.remove()] == ["failed"]
    assert all(path.exists() for path in paths)


# --- carrying it out --------------------------------------------------------------------------------------------------


def test_what_is_proven_is_noted_and_removed(edge: Edge) -> None:
    path = edge.brought(ROUTINE)
    found = look(edge.config.folders[0], path)
    told = edge.remove()
    assert not path.exists() and path.parent.is_dir()  # folders are the camera's
    assert [(e["event"], e["path"], e["reason"]) for e in told] == [("removed", str(path), "older than 30 days")]
    (noted,) = custody.entries(edge.config.state, {"path": str(path)})
    assert (noted["event"], noted["key"], noted["version"]) == ("removed", f"originals/{ROUTINE}", "v1")
    assert edge.state.get(custody.KEPT) == edge.log.head
    assert edge.state.known(BUCKET, found) is None
    (kept,) = edge.state.entries(BUCKET, gone=True)
    assert kept.gone == "removed"


def test_the_custody_log_is_written_before_the_file_is_gone(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edge.brought(ROUTINE)
    seen: list[list[str]] = []
    real = os.unlink
    monkeypatch.setattr(os, "unlink", lambda *a, **k: (seen.append(edge.noted()), real(*a, **k))[1])
    edge.remove()
    assert seen[0] == ["removed"] and not path.exists()


def test_a_dry_run_changes_nothing(edge: Edge) -> None:
    path = edge.brought(ROUTINE)
    told: list[dict[str, Any]] = []
    preview(edge.removals(older_than_days=30), told.append)
    assert [(e["event"], e["path"], e["size"]) for e in told] == [("would remove", str(path), path.stat().st_size)]
    assert not edge.s3.asked and not edge.noted()


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


@pytest.mark.parametrize(("change", "reason", "anew"), UNPROVEN.values(), ids=UNPROVEN.keys())
def test_what_the_bucket_does_not_have_is_never_removed(edge: Edge, change: Any, reason: str, anew: bool) -> None:
    path, other = edge.brought(ROUTINE, days=150), edge.brought(OTHER)
    head = change(edge.s3.heads.pop(f"originals/{ROUTINE}"))
    if head:
        edge.s3.heads[f"originals/{ROUTINE}"] = head
    told = edge.remove()
    assert [e["event"] for e in told] == ["failed", "removed"] and reason in told[0]["reason"]
    assert path.exists() and not other.exists()
    assert (edge.state.known(BUCKET, look(edge.config.folders[0], path)) is None) == anew
    assert [failure.path for failure in edge.state.status().failed] == [str(path)]


def test_other_bytes_of_the_same_size_and_time_are_not_what_was_uploaded(edge: Edge) -> None:
    path = edge.brought(ROUTINE)
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    (told,) = edge.remove()
    assert told["event"] == "failed" and "its content is not what was uploaded" in told["reason"]
    assert path.exists() and not edge.s3.asked
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
def test_a_file_that_changes_after_it_was_read_is_not_removed(edge: Edge, change: Any) -> None:
    path = edge.brought(ROUTINE)
    edge.s3.on_head = lambda _key: change(path)
    (told,) = edge.remove()
    assert told["event"] == "failed" and path.exists()
    assert edge.noted() in ([], ["removed", "stayed"])
    assert edge.state.get(custody.KEPT) in (None, edge.log.head)


def test_a_swap_at_the_very_last_moment_is_taken_back_in_the_log(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edge.brought(ROUTINE)
    real = edge.log.append

    def append(entries: Any) -> str:
        head = real(entries)
        if edge.noted() == ["removed"]:
            swapped(path)
        return head

    monkeypatch.setattr(edge.log, "append", append)
    (told,) = edge.remove()
    assert "another file took its place" in told["reason"] and path.exists()
    assert edge.noted() == ["removed", "stayed"]


def test_a_link_in_the_way_is_not_followed(edge: Edge, tmp_path: Path) -> None:
    path = edge.brought(ROUTINE)
    removals = edge.removals(older_than_days=30)
    path.parent.rename(tmp_path / "elsewhere")
    path.parent.symlink_to(tmp_path / "elsewhere")
    told: list[dict[str, Any]] = []
    carry_out(removals, edge.s3, edge.state, edge.log, told.append, edge.stop)
    assert told[0]["event"] == "failed" and path.exists()


@contextmanager
def read_only(monkeypatch: pytest.MonkeyPatch, *, mounted: bool) -> Iterator[None]:
    """A card that is mounted read-only, or one whose folders we may not write in: root may write everywhere."""
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


@pytest.mark.parametrize(("mounted", "reason"), [(True, "mounted read-only"), (False, "no right to write in")])
def test_a_card_that_cannot_be_written_is_reported_once_and_nothing_is_read(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, mounted: bool, reason: str
) -> None:
    paths = [edge.brought(ROUTINE), edge.brought(OTHER)]
    with read_only(monkeypatch, mounted=mounted):
        (told,) = edge.remove()
    assert told["path"] == str(edge.card) and reason in told["reason"]
    assert all(path.exists() for path in paths) and not edge.s3.asked and not edge.noted()
    assert len(edge.remove()) == 2


def test_a_removal_that_the_system_refuses_is_taken_back_in_the_log(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = edge.brought(ROUTINE)

    def refuse(*_args: Any, **_more: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))  # as of a file that is immutable

    monkeypatch.setattr(os, "unlink", refuse)
    (told,) = edge.remove()
    assert "Operation not permitted" in told["reason"] and path.exists()
    assert edge.noted() == ["removed", "stayed"]


def test_without_a_network_nothing_is_removed_and_nothing_failed(edge: Edge) -> None:
    paths = [edge.brought(ROUTINE), edge.brought(OTHER)]

    def offline(_key: str) -> None:
        raise Offline("S3 cannot be reached")

    edge.s3.on_head = offline
    (told,) = edge.remove()
    assert told["event"] == "note" and "cannot be reached" in told["reason"]
    assert all(path.exists() for path in paths) and not edge.state.status().failed


def test_an_object_that_may_not_be_seen_ends_it(edge: Edge) -> None:
    paths = [edge.brought(ROUTINE, days=150), edge.brought(OTHER)]

    def forbidden(_key: str) -> None:
        raise S3Error(403, "403", "Forbidden")

    edge.s3.on_head = forbidden
    (told,) = edge.remove()
    assert "s3:GetObject is not allowed" in told["reason"] and len(edge.s3.asked) == 1
    assert all(path.exists() for path in paths)
    known = [edge.state.known(BUCKET, look(edge.config.folders[0], path)) for path in paths]
    assert known == [
        None,
        "brought",
    ]  # were it gone, it will be uploaded again; were it a wrong setting, that costs one file


def test_it_stops_when_asked_to(edge: Edge) -> None:
    paths = [edge.brought(ROUTINE, days=150), edge.brought(OTHER)]
    edge.s3.on_head = lambda _key: edge.stop.set()
    assert [e["event"] for e in edge.remove()] == ["removed"]
    assert [path.exists() for path in paths] == [False, True]


def test_names_of_any_bytes_are_removed(edge: Edge) -> None:
    path = edge.brought(os.fsdecode(b"Record/\xff\x1b[2J\n.mp4"))
    (told,) = edge.remove()
    assert told["event"] == "removed" and not path.exists()


# --- in a run, with a bucket ------------------------------------------------------------------------------------------


def keeping(config: Config, **settings: Any) -> Config:
    return replace(config, folders=(replace(config.folders[0], source="dashcam", retain=Retain(**settings)),))


def test_a_run_brings_proves_and_removes(config: Config, card: Path, s3: Any) -> None:
    old, new = put(card, ROUTINE, age=40 * DAY_S), put(card, OTHER, age=DAY_S)
    event = put(card, EVENT, age=40 * DAY_S)
    contents = sorted(path.read_bytes() for path in (old, new, event))
    told: list[dict[str, Any]] = []
    summary = sync.run(keeping(config, older_than_days=30), told.append)
    assert summary.complete and summary.counts["removed"] == 1, told
    assert [path.exists() for path in (old, new, event)] == [False, True, True]
    assert sorted(objects(s3).values()) == contents
    assert custody.check(config.state).ok
    again = sync.run(keeping(config, older_than_days=30), told.append)
    assert (again.counts["known"], again.counts["removed"]) == (2, 0)


def test_what_was_deleted_in_the_bucket_is_uploaded_again_before_it_is_removed(
    config: Config, card: Path, s3: Any
) -> None:
    path = put(card, ROUTINE, age=40 * DAY_S)
    content = path.read_bytes()
    sync.run(config)
    (key,) = objects(s3)
    s3.delete_object(Bucket=config.bucket, Key=key)  # leaves a delete marker
    told: list[dict[str, Any]] = []
    summary = sync.run(keeping(config, older_than_days=30), told.append)
    assert not summary.complete and path.exists()
    assert any("no longer in the bucket" in str(event.get("reason")) for event in told)
    assert sync.run(keeping(config, older_than_days=30)).counts["removed"] == 1
    assert not path.exists()
    assert s3.get_object(Bucket=config.bucket, Key=key)["Body"].read() == content
    s3.delete_object(Bucket=config.bucket, Key=key, VersionId=markers(s3, config.bucket))


def markers(s3: Any, bucket: str) -> str:
    """The version of the only delete marker, for the bucket to be emptied."""
    (marker,) = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    return str(marker["VersionId"])


def test_a_dry_run_shows_what_would_go(config: Config, card: Path, s3: Any) -> None:
    path = put(card, ROUTINE, age=40 * DAY_S)
    sync.run(config)
    told: list[dict[str, Any]] = []
    dry_run.preview(keeping(config, older_than_days=30), told.append, threading.Event())
    assert [event["path"] for event in told if event["event"] == "would remove"] == [str(path)]
    assert path.exists()
