"""How a run schedules its work: order, pre-emption, sidecars, hours and failures."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from tests.support.edge.cards import BUCKET, MP4, PART, noise, objects, put

from impp_edge import hours
from impp_edge.bucket.s3 import S3, Refused, S3Error
from impp_edge.card.discovery import Cards, Discovery
from impp_edge.card.work_queue import WorkQueue
from impp_edge.config import Config, Folder, Retain
from impp_edge.digest import digest
from impp_edge.memory import custody
from impp_edge.memory.state import State, StateError, lock
from impp_edge.run import sync, upload, workers
from impp_edge.run.sync import Run, Session
from impp_edge.run.watch import Clock

pytestmark = pytest.mark.slow

SMALL = 100_000
"""Bytes of a file that goes in one request."""
LONG = "Record/20260115_080000_NF.mp4"
EVENT = "Record/20260115_081502_EF.mp4"


def run(config: Config) -> tuple[sync.Summary, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    summary = sync.run(config, events.append)
    return summary, [e for e in events if e["event"] not in ("progress", "summary")]


def nonzero_counts(summary: sync.Summary) -> dict[str, int]:
    return {kind: count for kind, count in summary.counts.items() if count}


def at_part(monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], None]) -> list[tuple[str, int]]:
    """Call ``do`` once, while the part with this number is sent; the returned list fills with the parts sent."""
    sent: list[tuple[str, int]] = []
    real, done = S3.part, []

    def part(self: S3, key: str, upload: str, n: int, *rest: Any) -> Any:
        sent.append((key.rsplit("/", 1)[-1], n))
        if n == number and not done:
            done.append(True)
            do()
        return real(self, key, upload, n, *rest)

    monkeypatch.setattr(S3, "part", part)
    return sent


def test_a_new_event_interrupts_a_clip_between_parts(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [put(card, LONG, MP4 + noise(4 * PART)).read_bytes()]
    clock, looked = Clock(replace(config, rescan_s=3600.0)), threading.Event()
    real = Discovery.run

    def look(self: Discovery, patient: bool) -> Any:
        seen = real(self, patient)
        if len(contents) > 1:
            looked.set()
        return seen

    monkeypatch.setattr(Discovery, "run", look)

    def crash() -> None:
        contents.append(put(card, EVENT, MP4 + noise(PART, seed=1)).read_bytes())
        clock.at = 0.0  # as a hint does
        assert looked.wait(30)

    sent = at_part(monkeypatch, 2, crash)
    with lock(config.state):
        session = Session(replace(config, workers=1))
        try:
            assert Run(session, lambda _event: None, threading.Event(), clock).go().complete
        finally:
            session.close()
    long, event = Path(LONG).name, Path(EVENT).name
    assert sent == [(long, 1), (long, 2), (event, 1), (event, 2), (long, 3), (long, 4), (long, 5)]
    assert sorted(objects(s3).values()) == sorted(contents)


@pytest.mark.parametrize(
    ("retry_s", "expected"), [(60.0, {"brought": 1, "failed": 1}), (0.0, {"brought": 2})], ids=["later", "at once"]
)
def test_a_failed_file_is_retried_in_a_long_run_and_counted_once(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, retry_s: float, expected: dict[str, int]
) -> None:
    put(card, EVENT)
    put(card, LONG, MP4 + noise(4 * PART))
    clock, looks, tries = Clock(replace(config, rescan_s=3600.0)), threading.Semaphore(0), []
    real_look, real_part, real_digest = Discovery.run, S3.part, digest

    def look(self: Discovery, patient: bool) -> Any:
        seen = real_look(self, patient)
        looks.release()
        return seen

    def part(self: S3, *given: Any) -> Any:
        clock.at = 0.0
        assert looks.acquire(timeout=60)
        return real_part(self, *given)

    def fail_once(*given: Any) -> Any:
        tries.append(None)
        if len(tries) == 1:
            raise ZeroDivisionError
        return real_digest(*given)

    monkeypatch.setattr(Discovery, "run", look)
    monkeypatch.setattr(S3, "part", part)
    monkeypatch.setattr("impp_edge.run.workers.digest", fail_once)
    monkeypatch.setattr(sync, "RETRY_S", retry_s)
    with lock(config.state):
        session = Session(replace(config, workers=1))
        try:
            assert nonzero_counts(Run(session, lambda _event: None, threading.Event(), clock).go()) == expected
        finally:
            session.close()


def test_sidecars_precede_their_clips_which_list_them(config: Config, card: Path, s3: Any) -> None:
    put(card, EVENT)
    put(card, EVENT.replace("_EF", "_ER"))
    put(card, "Record/20260115_081502_E.gps", b"$GPRMC")
    put(card, EVENT.replace(".mp4", ".thm"), b"\xff\xd8\xff")
    put(card, LONG)
    summary, events = run(config)
    assert nonzero_counts(summary) == {"brought": 5}
    order = {Path(e["path"]).name: at for at, e in enumerate(events)}
    front, rear = Path(EVENT).name, Path(EVENT.replace("_EF", "_ER")).name
    assert order["20260115_081502_E.gps"] < min(order[front], order[rear])
    assert order["20260115_081502_EF.thm"] < order[front]
    keys = {Path(e["path"]).name: e["key"] for e in events}
    below = "sidecars/dashcam/blue-car/"
    for clip, names in ((front, ["E.gps", "EF.thm"]), (rear, ["E.gps"]), (Path(LONG).name, [])):
        sidecar_keys = s3.head_object(Bucket=BUCKET, Key=keys[clip])["Metadata"].get("impp-sidecars", "")
        assert [below + unquote(key) for key in sidecar_keys.split()] == [
            keys[f"20260115_081502_{name}"] for name in names
        ]
    put(card, EVENT.replace("_EF", "_EI"))  # the sidecar is known already, and named all the same
    (event,) = run(config)[1]
    sidecar_keys = s3.head_object(Bucket=BUCKET, Key=event["key"])["Metadata"]["impp-sidecars"]
    assert below + unquote(sidecar_keys) == keys["20260115_081502_E.gps"]


def test_a_failed_sidecar_does_not_block_its_clip(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(card, EVENT)
    put(card, EVENT.replace(".mp4", ".thm"), b"\xff\xd8\xff")
    real = S3.put

    def refuse(self: S3, key: str, *rest: Any) -> Any:
        if key.endswith(".thm"):
            raise ZeroDivisionError("broken")
        return real(self, key, *rest)

    monkeypatch.setattr(S3, "put", refuse)
    summary, _ = run(config)
    assert nonzero_counts(summary) == {"brought": 1, "failed": 1}
    (key,) = objects(s3)
    assert "impp-sidecars" not in s3.head_object(Bucket=BUCKET, Key=key)["Metadata"]


def closed_now() -> tuple[str, ...]:
    """Hours that are closed now and open again later."""
    now = time.localtime()
    return (f"{(now.tm_hour + 2) % 24:02}:00-{(now.tm_hour + 3) % 24:02}:00",)


def test_outside_the_hours_only_events_are_uploaded_and_the_rest_waits(config: Config, card: Path, s3: Any) -> None:
    put(card, LONG)
    put(card, EVENT)
    shut = replace(config, hours=closed_now())
    summary, events = run(shut)
    assert summary.complete and nonzero_counts(summary) == {"brought": 1, "waiting": 1}
    assert [key.rsplit("/", 1)[-1] for key in objects(s3)] == [Path(EVENT).name]
    assert events[-1]["event"] == "waiting"
    assert events[-1]["reason"] == f"1 files (40 B) are waiting until {shut.hours[0][:5]}"
    assert summary.waiting_bytes == 40
    put(card, EVENT.replace("0815", "0816"))
    assert nonzero_counts(run(replace(shut, events_any_time=False))[0]) == {"known": 1, "waiting": 2}
    assert nonzero_counts(run(config)[0]) == {"known": 1, "brought": 2}


def test_a_closing_window_interrupts_a_clip_after_a_part_and_it_resumes_there(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = put(card, LONG, MP4 + noise(4 * PART)).read_bytes()
    is_open, checked = [True], threading.Event()

    def check_hours(_hours: hours.Hours, _now: float) -> bool:
        if not is_open[0]:
            checked.set()
        return is_open[0]

    def close() -> None:
        is_open[0] = False
        assert checked.wait(30)

    monkeypatch.setattr(hours.Hours, "is_open", check_hours)
    sent = at_part(monkeypatch, 2, close)
    one = replace(config, workers=1, hours=("00:00-24:00",))
    summary, _ = run(one)
    assert summary.complete and nonzero_counts(summary) == {"waiting": 1} and [n for _, n in sent] == [1, 2]
    is_open[0] = True
    assert nonzero_counts(run(one)[0]) == {"brought": 1} and [n for _, n in sent] == [1, 2, 3, 4, 5]
    assert list(objects(s3).values()) == [content]


@pytest.mark.parametrize(("status", "left"), [(None, 0), (403, 0), (400, 1)], ids=["may", "may not", "cannot now"])
def test_the_upload_of_a_deleted_file_is_aborted(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, status: int | None, left: int
) -> None:
    def refuse(*_: Any) -> None:
        raise S3Error(status or 0, "No", "as scripted")

    path = put(card, LONG, MP4 + noise(4 * PART))
    put(card, "Record/stays.txt", b"so that the card is there")
    stop = threading.Event()
    at_part(monkeypatch, 2, stop.set)
    summary = sync.run(replace(config, workers=1), stop=stop)
    assert summary.stopped == "asked to stop" and summary.counts["waiting"] == 1
    assert len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1
    path.unlink()  # overwritten by the camera
    with monkeypatch.context() as refused:
        if status:
            refused.setattr(S3, "abort", refuse)
        summary, events = run(config)
    assert summary.complete and bool(status) == any(
        "could not be aborted, its parts stay: S3 returned No" in str(e) for e in events
    )
    state = State(config.state, write=False)
    assert state.status().pending == left
    state.close()
    uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert bool(status) == bool(uploads)
    for one in uploads:
        s3.abort_multipart_upload(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"])


def test_a_removed_card_is_one_failure(config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = sorted(put(card, f"Record/20260115_08{i:02}00_NF.mp4").read_bytes() for i in range(60))
    away, real, pulled = card.with_name("away"), S3.put, []

    def pull(self: S3, *args: Any) -> Any:
        if not pulled:
            pulled.append(True)
            card.rename(away)
        return real(self, *args)

    monkeypatch.setattr(S3, "put", pull)
    summary, events = run(replace(config, workers=2))
    failed = [e for e in events if e["event"] == "failed"]
    assert not summary.complete and [e["path"] for e in failed] == [str(card)]
    assert "the card was removed" in failed[0]["reason"]
    away.rename(card)
    assert run(config)[0].complete
    assert sorted(objects(s3).values()) == contents


def test_waiting_files_of_an_absent_card_do_not_fail(
    config: Config, card: Path, tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        put(card, f"Record/20260115_08{number:02}00_NF.mp4")
    phone = tmp_path / "phone"
    put(phone, EVENT, MP4 + noise(2 * PART, seed=1))
    config = replace(config, workers=1, folders=(*config.folders, Folder(phone)))
    clock, looked, real = Clock(replace(config, rescan_s=3600.0)), threading.Event(), Discovery.run

    def look(self: Discovery, patient: bool) -> Any:
        seen = real(self, patient)
        if not card.exists():
            looked.set()
        return seen

    def pull() -> None:
        card.rename(card.with_name("away"))
        clock.at = 0.0
        assert looked.wait(30)

    monkeypatch.setattr(Discovery, "run", look)
    at_part(monkeypatch, 1, pull)
    with lock(config.state):
        session = Session(config)
        try:
            assert nonzero_counts(Run(session, lambda _event: None, threading.Event(), clock).go()) == {"brought": 1}
        finally:
            session.close()


def test_unwritable_state_stops_the_run_without_loss(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = sorted(put(card, f"Record/20260115_08{i:02}00_NF.mp4").read_bytes() for i in range(30))
    with monkeypatch.context() as full:

        def refuse(*_: Any) -> None:
            raise StateError("state.sqlite3: the disk is full")

        full.setattr(State, "remember", refuse)
        summary, _ = run(config)
    assert summary.stopped == "state.sqlite3: the disk is full" and not summary.complete
    assert summary.counts["brought"] == 0
    assert run(config)[0].complete
    assert sorted(objects(s3).values()) == contents


def test_custody_log_state_and_bucket_agree(config: Config, card: Path, s3: Any) -> None:
    for i in range(20):
        put(card, f"Record/20260115_08{i:02}00_NF.mp4")
    assert run(config)[0].complete
    state = State(config.state, write=False)
    log = custody.Log(config.state, state.get(custody.KEPT))
    checked = log.check()
    assert checked.ok and checked.entries == 20 and log.head == state.get(custody.KEPT) == checked.head
    entries = [json.loads(line) for line in (config.state / custody.NAME).read_text().splitlines()]
    remembered = {e.s3_object.key: (e.s3_object.sha256, e.s3_object.version) for e in state.entries(BUCKET)}
    assert {e["key"]: (e["sha256"], e["version"]) for e in entries} == remembered
    heads = {e["hash"] for e in entries} | {custody.GENESIS}
    for key in objects(s3):
        assert s3.head_object(Bucket=BUCKET, Key=key)["Metadata"]["impp-custody"] in heads
    log.close()
    state.close()


def test_new_state_is_complete_once_every_file_was_handled(config: Config, card: Path, s3: Any) -> None:
    put(card, LONG)
    put(card, EVENT, age=1)
    run(config)
    state = State(config.state, write=False)
    assert state.fresh  # one file still waits: perhaps the bucket has it
    state.close()
    assert run(replace(config, settle_s=0.0, truncated_after_s=0.0))[0].complete
    state = State(config.state, write=False)
    assert not state.fresh
    state.close()


def test_metrics_and_upload_rates_are_written(config: Config, card: Path, s3: Any, tmp_path: Path) -> None:
    content = put(card, LONG).read_bytes()
    run(replace(config, metrics_file=tmp_path / "impp.prom"))
    text = (tmp_path / "impp.prom").read_text()
    assert 'impp_edge_last_run_files{result="brought"} 1' in text and "impp_edge_last_run_complete 1" in text
    state = State(config.state, write=False)
    assert [(s.files, s.bytes) for s in state.samples()] == [(1, len(content))]
    state.close()
    summary, events = run(replace(config, metrics_file=tmp_path / "none" / "impp.prom"))
    assert summary.complete and "cannot be written" in events[0]["reason"]


def test_uploaded_files_are_removed_from_the_card_if_configured(config: Config, card: Path, s3: Any) -> None:
    old, event = put(card, LONG, age=40 * 86400), put(card, EVENT, age=40 * 86400)
    retain = Retain(older_than_days=30)
    folder = replace(config.folders[0], retain=retain)
    summary, events = run(replace(config, folders=(folder,)))
    assert summary.complete and nonzero_counts(summary) == {"brought": 2, "removed": 1}, events
    assert not old.exists() and event.exists() and len(objects(s3)) == 2


def test_parts_of_one_clip_are_sent_concurrently(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(card, LONG, MP4 + noise(4 * PART))
    together = threading.Barrier(4)
    real = S3.part

    def part(self: S3, key: str, upload: str, n: int, *rest: Any) -> Any:
        if n <= 4:
            together.wait(30)
        return real(self, key, upload, n, *rest)

    monkeypatch.setattr(S3, "part", part)
    assert nonzero_counts(run(replace(config, workers=4))[0]) == {"brought": 1}


def test_hundreds_of_small_files_on_two_cards_are_uploaded_once_each(config: Config, tmp_path: Path, s3: Any) -> None:
    cards = [tmp_path / "one", tmp_path / "two"]
    contents = [put(c, f"20260115_{i:06}_NF.mp4").read_bytes() for c in cards for i in range(150)]
    summary, _ = run(replace(config, folders=tuple(Folder(c, device=c.name) for c in cards), workers=8))
    assert nonzero_counts(summary) == {"brought": 300}
    assert sorted(objects(s3).values()) == sorted(contents)


def test_few_head_requests_for_an_empty_bucket_and_no_reupload_after_lost_state(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: dict[str, list[str]] = {"head": [], "put": []}

    def recording(name: str) -> Callable[..., Any]:
        real = getattr(S3, name)

        def operation(self: S3, key: str, *rest: Any) -> Any:
            requests[name].append(key)
            return real(self, key, *rest)

        return operation

    for name in requests:
        monkeypatch.setattr(S3, name, recording(name))
    for i in range(30):
        put(card, f"Record/20260115_{i:06}_NF.mp4")
    alone = replace(config, workers=1)
    assert nonzero_counts(run(alone)[0]) == {"brought": 30}
    assert len(requests["head"]) == 8 and len(requests["put"]) == 30
    for path in config.state.glob("state.sqlite3*"):
        path.unlink()
    assert nonzero_counts(run(alone)[0]) == {"there": 30}
    assert len(requests["put"]) == 30


def test_a_missing_permission_ends_the_run_early(config: Config, card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    reasons: list[str] = []
    heard = threading.Condition()

    def denied(_self: S3, key: str, *_: Any) -> None:
        tried.append(key)
        with heard:
            assert heard.wait_for(lambda: len(reasons) >= len(tried) - 1, 10)  # as slow as a network
        raise S3Error(403, "AccessDenied", "not authorized to perform: s3:PutObject")

    def record(event: dict[str, Any]) -> None:
        if event["event"] == "failed":
            with heard:
                reasons.append(event["reason"])
                heard.notify_all()

    monkeypatch.setattr(S3, "put", denied)
    for i in range(60):
        put(card, f"Record/20260115_{i:06}_NF.mp4")
    with pytest.raises(Refused, match=r"AccessDenied: not authorized .* 5 files in a row; run impp-edge doctor to see"):
        sync.run(replace(config, workers=1), record)
    assert len(tried) <= 7


# --- a small file -----------------------------------------------------------------------------------------------------


def test_a_small_file_is_read_once_for_hashing_and_sending(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are sent from memory; files that do not fit or are sent in parts are read again."""
    small, large, split = (put(card, name, os.urandom(size)) for name, size in (
        ("a.mp4", SMALL), ("b.mp4", SMALL + 1), ("c.mp4", PART + 1)
    ))  # fmt: skip
    expected = {path.name: path.read_bytes() for path in (small, large, split)}
    again: list[bytes] = []
    real = upload._Slice.blocks
    monkeypatch.setattr(upload._Slice, "blocks", lambda cut, most: again.append(cut.file.raw) or real(cut, most))
    monkeypatch.setattr("impp_edge.run.workers.KEEP", SMALL * config.workers)
    assert nonzero_counts(run(config)[0]) == {"brought": 3}
    assert {key.rsplit("/", 1)[-1]: content for key, content in objects(s3).items()} == expected
    assert set(again) == {os.fsencode(large), os.fsencode(split)}


def test_a_small_file_that_grows_while_read_is_left_for_the_next_run(
    config: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(card, "a.mp4", os.urandom(SMALL))
    before = path.stat()
    real = workers.identify.identify

    def grown(*given: Any) -> Any:
        with path.open("ab") as file:
            file.write(b"more")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(workers.identify, "identify", grown)
        assert nonzero_counts(run(config)[0]) == {"failed": 1} and not objects(s3)
    assert nonzero_counts(run(config)[0]) == {"brought": 1}
    assert list(objects(s3).values()) == [path.read_bytes()]


def test_a_run_ends_as_soon_as_its_threads_have_ended(config: Config, card: Path, s3: Any) -> None:
    """The end of a thread is noticed at once; otherwise a run would wait for a tick after its last file."""
    work_queue, session = WorkQueue(), Session(config)
    everybody = workers.Workers(config, session.state, work_queue, Cards(), session.link, str, threading.Event())
    work_queue.close()
    for _ in range(config.workers):
        assert everybody.at_work
        assert everybody.results(wait_s=60) == []
    assert not everybody.at_work
    session.close()
