"""The daemon: new files are uploaded with or without hints, trouble is reported once, and it ends cleanly."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.edge.cards import BUCKET, objects, put
from tests.support.paths import REPOSITORY

from impp_edge.config import Config, Folder
from impp_edge.memory import database
from impp_edge.memory.state import Locked, State, lock
from impp_edge.run import watch as watch_module
from impp_edge.run.watch import Clock, Hints, Once, Watch
from impp_edge.show.notify import Service

pytestmark = pytest.mark.slow

CLIP = "Record/20260115_081502_EF.mp4"
LONG_S = 30.0
"""Timeout of every wait here; reached only on failure."""


class Daemon:
    """A daemon in a thread. ``wait_for`` waits for its events; ``end`` stops it."""

    def __init__(self, config: Config, **options: Any) -> None:
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.stop = threading.Event()
        self.watch = Watch(config, self.events.put, self.stop, chance=lambda: 1.0, **options)
        self._thread = threading.Thread(target=self.watch.run)
        self._thread.start()

    def wait_for(self, kind: str, **fields: Any) -> dict[str, Any]:
        end = time.monotonic() + LONG_S
        while True:
            event = self.events.get(timeout=max(end - time.monotonic(), 0.01))
            if event["event"] == kind and all(event[name] == value for name, value in fields.items()):
                return event

    def end(self) -> None:
        self.stop.set()
        self.watch.wake()
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[..., Daemon]]:
    daemons: list[Daemon] = []

    def begin(config: Config, **options: Any) -> Daemon:
        daemons.append(Daemon(config, **options))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        daemon.end()


@pytest.fixture
def quick(config: Config) -> Config:
    """Scans after a hint, and hardly ever without one."""
    return replace(config, settle_s=0.0, rescan_s=3600.0)


def test_uploads_existing_and_new_files(quick: Config, card: Path, s3: Any, start: Any) -> None:
    put(card, CLIP)
    daemon = start(quick)
    daemon.wait_for("brought")
    daemon.wait_for("summary")
    (card / "new folder").mkdir()
    put(card, "new folder/20260115_090000_NF.mp4")  # a hint, and no rescan for an hour
    assert daemon.wait_for("brought")["path"].endswith("090000_NF.mp4")
    assert len(objects(s3)) == 2


def test_the_rescan_finds_files_without_hints(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hints, "refresh", lambda _self: None)
    daemon = start(replace(quick, rescan_s=0.2))
    put(card, CLIP)
    daemon.wait_for("brought")


def test_a_file_being_written_is_uploaded_once_it_settles(quick: Config, card: Path, start: Any) -> None:
    put(card, CLIP, age=0)
    daemon = start(replace(quick, settle_s=1.0, truncated_after_s=0.0))
    daemon.wait_for("restless")
    daemon.wait_for("brought")  # long before the next rescan


def test_a_card_may_be_removed_and_inserted_again(quick: Config, card: Path, s3: Any, start: Any) -> None:
    away = card.with_name("away")
    card.rename(away)
    daemon = start(replace(quick, rescan_s=0.2))
    assert "no card in" in daemon.wait_for("waiting")["reason"]
    put(away, CLIP)
    away.rename(card)
    daemon.wait_for("brought")
    card.rename(away)
    daemon.wait_for("waiting")
    put(away, "Record/20260115_090000_NF.mp4")
    away.rename(card)
    daemon.wait_for("brought")
    assert len(objects(s3)) == 2


def test_a_network_outage_is_reported_once_and_uploads_resume(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch, s3: Any
) -> None:
    from impp_edge.bucket.s3 import S3, Offline

    gone, tries = threading.Event(), []
    gone.set()
    monkeypatch.setattr(watch_module, "OFFLINE_S", 0.05)
    monkeypatch.setattr(watch_module, "OFFLINE_MOST_S", 0.1)
    real = S3._ask

    def ask(self: S3, *args: Any, **kwargs: Any) -> Any:
        tries.append(None)
        if gone.is_set():
            if len(tries) > 10:
                gone.clear()
            raise Offline("S3 cannot be reached: no route to host")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(S3, "_ask", ask)
    put(card, CLIP)
    daemon = start(quick)
    events = []
    while (event := daemon.events.get(timeout=LONG_S))["event"] != "brought":
        events.append(event)
    assert [e["reason"] for e in events if e["event"] == "note"] == [
        "S3 cannot be reached: no route to host; trying again"
    ]
    assert len(objects(s3)) == 1


def test_damaged_state_is_recreated_for_the_next_round(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "OFFLINE_S", 0.05)
    real, tries = State.remember, []

    def damaged(self: State, *given: Any) -> None:
        tries.append(None)
        if len(tries) == 1:
            with database.sqlite_words(quick.state / database.FILE):
                raise database._damage("database disk image is malformed")
        real(self, *given)

    monkeypatch.setattr(State, "remember", damaged)
    put(card, CLIP)
    daemon = start(quick)
    assert "is damaged" in daemon.wait_for("note")["reason"]
    assert "is rebuilt from the bucket" in daemon.wait_for("note")["reason"]
    daemon.wait_for("there")


def test_an_s3_refusal_is_retried(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch, s3: Any
) -> None:
    monkeypatch.setattr(watch_module, "REFUSED_S", 0.05)
    put(card, CLIP)
    s3.delete_bucket(Bucket=BUCKET)
    daemon = start(quick)
    assert "trying again" in daemon.wait_for("note")["reason"]
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    daemon.wait_for("brought")


def test_a_failed_file_is_reported_once_and_retried_later(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def broken(*_: Any) -> Any:
        tries.append(None)
        raise ZeroDivisionError("broken")

    monkeypatch.setattr("impp_edge.run.workers.digest", broken)
    put(card, CLIP)
    daemon = start(replace(quick, rescan_s=0.1))
    daemon.wait_for("failed")
    for number in range(3):
        put(card, f"notes {number}.txt", b"text")
        daemon.wait_for("skipped")  # several rounds later
    assert len(tries) == 1


def test_the_daemon_holds_the_lock(quick: Config, card: Path, start: Any) -> None:
    put(card, CLIP)
    start(quick).wait_for("brought")
    with pytest.raises(Locked), lock(quick.state):
        pass


def open_files() -> int:
    """The number of open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_hundreds_of_rounds_leak_nothing(quick: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a file that never settles and one that is skipped."""
    put(card, CLIP)
    put(card, "notes.txt", b"text")
    os.utime(put(card, "Record/20260115_100000_NF.mp4"), (0, 4_000_000_000))
    monkeypatch.setattr(Hints, "refresh", lambda _self: None)
    stop = threading.Event()
    daemon = Watch(replace(quick, settle_s=3000.0), lambda _event: None, stop)
    rounds, sizes = 0, []

    def wait(_pause: float | None) -> None:
        nonlocal rounds
        rounds += 1
        if rounds in (150, 400, 650):
            gc.collect()  # garbage is no leak
            sizes.append(tracemalloc.get_traced_memory()[0])
        if rounds == 650:
            stop.set()

    monkeypatch.setattr(daemon, "_wait", wait)
    before = (threading.active_count(), open_files())
    tracemalloc.start()
    try:
        daemon.run()
    finally:
        tracemalloc.stop()
    growth = [after - before for before, after in itertools.pairwise(sizes)]
    assert min(growth) < 12_500, sizes  # 50 bytes per round; what is allocated once is in one of the two
    assert threading.active_count() <= before[0] and open_files() <= before[1]


def test_sigterm_ends_the_daemon_cleanly(quick: Config, card: Path, s3: Any, tmp_path: Path) -> None:
    put(card, CLIP)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind(f"\0impp-edge-{os.getpid()}")
        service.settimeout(LONG_S)
        process = subprocess.Popen(
            [sys.executable, "-m", "impp_edge", "watch", str(card), "--bucket", BUCKET, "--state", str(quick.state),
             "--endpoint-url", str(quick.endpoint_url), "--settle-s", "0", "--config", os.devnull],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "edge"), "NOTIFY_SOCKET": f"@impp-edge-{os.getpid()}"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert service.recv(1000) == b"READY=1"
            while service.recv(1000) != b"STATUS=watching; everything is uploaded":
                pass
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=LONG_S)
        finally:
            process.kill()
        assert (process.returncode, err) == (0, "") and out.startswith("1 uploaded")
        assert service.recv(1000) == b"STOPPING=1"
    assert len(objects(s3)) == 1


# --- the parts --------------------------------------------------------------------------------------------------------


def test_scans_are_due_regularly_when_a_file_settles_and_after_a_hint(config: Config) -> None:
    now = [100.0]
    clock = Clock(replace(config, rescan_s=60.0, settle_s=10.0), lambda: now[0])
    assert clock.due()
    clock.looked(None)
    assert clock.at == 160.0 and not clock.due()
    assert clock.hint() and clock.at == 110.0  # nothing younger would be taken anyway
    now[0] = 105.0
    assert not clock.hint() and clock.at == 110.0  # a growing file neither delays the scan nor adds more
    now[0] = 110.0
    assert clock.due()
    clock.looked(3.0)
    assert clock.at == 113.0
    clock.looked(0.0)
    assert clock.at == 110.5
    often = Clock(replace(config, rescan_s=3600.0, heartbeat_s=300.0), lambda: now[0])
    often.looked(None)
    assert often.at == 410.0  # a heartbeat is sent when due


def test_an_unchanged_problem_is_reported_once() -> None:
    events: list[dict[str, Any]] = []
    once = Once(events.append)
    failed = {"event": "failed", "path": "a", "reason": "x"}
    for event in (failed, failed, {"event": "brought", "path": "b"}, {"event": "brought", "path": "b"}):
        once(event)
    assert len(events) == 3
    once.turn()
    once(failed)
    once(failed | {"reason": "y"})
    assert len(events) == 4
    once.turn()
    once.turn()
    once(failed)  # a round without the problem: it is reported again
    assert len(events) == 5


def listen(folder: Path, reasons: list[str]) -> tuple[Hints, threading.Event]:
    changed = threading.Event()
    return Hints((Folder(folder),), changed.set, lambda event: reasons.append(event["reason"])), changed


def test_writes_moves_and_new_folders_give_hints(tmp_path: Path) -> None:
    reasons: list[str] = []
    (tmp_path / "old").mkdir()
    hints, changed = listen(tmp_path / "card", reasons)
    try:
        hints.refresh()  # no card yet
        card = tmp_path / "card"
        card.mkdir()
        hints.refresh()
        (card / "a").write_text("a")
        assert changed.wait(LONG_S)
        changed.clear()
        (tmp_path / "old").rename(card / "moved in")
        assert changed.wait(LONG_S)
        changed.clear()
        card.rename(tmp_path / "out")  # another card in the same place
        card.mkdir()
        hints.refresh()
        (card / "b").write_text("b")
        assert changed.wait(LONG_S)
        assert reasons == []
    finally:
        hints.close()


def test_reading_gives_no_hints(tmp_path: Path) -> None:
    """Otherwise reading a clip would trigger another scan."""
    (tmp_path / "a").write_text("a")
    changed, last = [], threading.Event()

    def hear() -> None:
        changed.append(True)
        last.set()

    hints = Hints((Folder(tmp_path),), hear, lambda _event: None)
    hints.refresh()
    for _ in range(50):
        (tmp_path / "a").read_text()
    (tmp_path / "b").write_text("b")
    assert last.wait(LONG_S)
    hints.close()
    assert len(changed) < 10  # b's alone; each reading would be two


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "inotify watch limit reached"), ImportError("no watchdog")])
def test_missing_hints_are_reported_once_and_do_not_end_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from watchdog.observers import Observer

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise error

    reasons: list[str] = []
    monkeypatch.setattr(Observer, "schedule", refuse)
    hints, _ = listen(tmp_path, reasons)
    for _ in range(3):
        hints.refresh()
    hints.close()
    assert len(reasons) == 1 and str(error) in reasons[0] and "regularly instead" in reasons[0]


def test_a_dead_observer_is_restarted(tmp_path: Path) -> None:
    hints, changed = listen(tmp_path, [])
    try:
        hints.refresh()
        assert hints._observer is not None
        for emitter in hints._observer.emitters:
            emitter.stop()
            emitter.join(LONG_S)
        hints.refresh()
        (tmp_path / "a").write_text("a")
        assert changed.wait(LONG_S)
    finally:
        hints.close()


def test_notifies_systemd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(LONG_S)
        now = [0.0]
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"}
        service = Service(environ, lambda: now[0])
        assert service.alive_every_s == 2.0
        service.ready()
        service.status("bringing\nREADY=1")  # no name of a file can say something in our name
        service.status("bringing\nREADY=1")
        for now[0] in (0.0, 1.0, 2.0):
            service.alive()
        service.stopping()
        messages = [channel.recv(1000) for _ in range(5)]
        assert messages == [b"READY=1", b"STATUS=bringing READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}],
)
def test_nothing_is_sent_without_systemd(environ: dict[str, str]) -> None:
    service = Service(environ)
    assert service.alive_every_s is None
    service.ready()
    service.alive()


def test_pauses_after_trouble_grow_with_jitter(config: Config) -> None:
    chances = iter([0.0, 1.0, 1.0, *[1.0] * 20])
    daemon = Watch(config, lambda _event: None, threading.Event(), chance=lambda: next(chances))
    pauses = [daemon._trouble("offline", 5.0, 300.0) for _ in range(20)]
    assert pauses[:3] == [2.5, 10.0, 20.0] and pauses[-1] == 300.0
