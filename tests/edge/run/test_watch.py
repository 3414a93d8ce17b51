"""The daemon: what comes is brought, whatever the hints say; trouble is said once and waited out; it ends in order."""

from __future__ import annotations

import errno
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

CLIP = "Record/20260115_081502_EF.mp4"
LONG_S = 30.0
"""Longest that anything here may take; nothing waits for it unless it has failed."""


class Daemon:
    """A daemon in a thread. Its events can be waited for; it is stopped at the end."""

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
    """Looks when there is a hint, and next to never without one."""
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


def test_without_hints_the_rescan_finds_it(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hints, "refresh", lambda _self: None)
    daemon = start(replace(quick, rescan_s=0.2))
    put(card, CLIP)
    daemon.wait_for("brought")


def test_a_file_that_is_still_being_written_is_taken_as_soon_as_it_is_quiet(
    quick: Config, card: Path, start: Any
) -> None:
    put(card, CLIP, age=0)
    daemon = start(replace(quick, settle_s=1.0, truncated_after_s=0.0))
    daemon.wait_for("restless")
    daemon.wait_for("brought")  # long before the next rescan


def test_a_card_comes_goes_and_comes_again(quick: Config, card: Path, s3: Any, start: Any) -> None:
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


def test_a_network_that_is_gone_is_reported_once_and_waited_out(
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
    told = []
    while (event := daemon.events.get(timeout=LONG_S))["event"] != "brought":
        told.append(event)
    assert [e["reason"] for e in told if e["event"] == "note"] == [
        "S3 cannot be reached: no route to host; trying again"
    ]
    assert len(objects(s3)) == 1


def test_a_memory_found_damaged_in_a_round_is_recreated_for_the_next_one(
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
    assert "is made anew from the bucket" in daemon.wait_for("note")["reason"]
    daemon.wait_for("there")


def test_what_s3_refuses_is_tried_again(
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


def test_a_file_that_fails_is_left_alone_for_a_while_and_reported_once(
    quick: Config, card: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def broken(*_: Any) -> Any:
        tries.append(None)
        raise ZeroDivisionError("broken")

    monkeypatch.setattr("impp_edge.run.crew.digest", broken)
    put(card, CLIP)
    daemon = start(replace(quick, rescan_s=0.1))
    daemon.wait_for("failed")
    for number in range(3):
        put(card, f"notes {number}.txt", b"text")
        daemon.wait_for("skipped")  # so many rounds later
    assert len(tries) == 1


def test_a_cron_run_beside_it_finds_the_lock_held(quick: Config, card: Path, start: Any) -> None:
    put(card, CLIP)
    start(quick).wait_for("brought")
    with pytest.raises(Locked), lock(quick.state):
        pass


def opened() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_hundreds_of_rounds_leave_nothing_behind(
    quick: Config, card: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with a file that is never quiet and one that is skipped."""
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
        if rounds in (150, 650):
            sizes.append(tracemalloc.get_traced_memory()[0])
        if rounds == 650:
            stop.set()

    monkeypatch.setattr(daemon, "_wait", wait)
    before = (threading.active_count(), opened())
    tracemalloc.start()
    try:
        daemon.run()
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 25_000, sizes  # 50 bytes per round
    assert threading.active_count() == before[0] and opened() <= before[1]


def test_sigterm_ends_it_in_order(quick: Config, card: Path, s3: Any, tmp_path: Path) -> None:
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


def test_the_clock_looks_regularly_when_a_file_may_be_ready_and_after_a_hint(config: Config) -> None:
    now = [100.0]
    clock = Clock(replace(config, rescan_s=60.0, settle_s=10.0), lambda: now[0])
    assert clock.due()
    clock.looked(None)
    assert clock.at == 160.0 and not clock.due()
    assert clock.hint() and clock.at == 110.0  # nothing younger would be taken anyway
    now[0] = 105.0
    assert not clock.hint() and clock.at == 110.0  # a file that grows does not put the look off, nor bring more of them
    now[0] = 110.0
    assert clock.due()
    clock.looked(3.0)
    assert clock.at == 113.0
    clock.looked(0.0)
    assert clock.at == 110.5
    often = Clock(replace(config, rescan_s=3600.0, heartbeat_s=300.0), lambda: now[0])
    often.looked(None)
    assert often.at == 410.0  # a sign of life is sent when it is due


def test_an_unchanged_problem_is_reported_once() -> None:
    told: list[dict[str, Any]] = []
    once = Once(told.append)
    failed = {"event": "failed", "path": "a", "reason": "x"}
    for event in (failed, failed, {"event": "brought", "path": "b"}, {"event": "brought", "path": "b"}):
        once(event)
    assert len(told) == 3
    once.turn()
    once(failed)
    once(failed | {"reason": "y"})
    assert len(told) == 4
    once.turn()
    once.turn()
    once(failed)  # it was well for a round: news again
    assert len(told) == 5


def hints(folder: Path, told: list[str]) -> tuple[Hints, threading.Event]:
    heard = threading.Event()
    return Hints((Folder(folder),), heard.set, lambda event: told.append(event["reason"])), heard


def test_hints_come_of_what_is_written_moved_and_made(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "old").mkdir()
    listening, heard = hints(tmp_path / "card", told)
    try:
        listening.refresh()  # no card yet
        card = tmp_path / "card"
        card.mkdir()
        listening.refresh()
        (card / "a").write_text("a")
        assert heard.wait(LONG_S)
        heard.clear()
        (tmp_path / "old").rename(card / "moved in")
        assert heard.wait(LONG_S)
        heard.clear()
        card.rename(tmp_path / "out")  # another card in the same place
        card.mkdir()
        listening.refresh()
        (card / "b").write_text("b")
        assert heard.wait(LONG_S)
        assert told == []
    finally:
        listening.close()


def test_no_hint_comes_of_reading(tmp_path: Path) -> None:
    """Else our own reading of a clip would be the reason to look again."""
    (tmp_path / "a").write_text("a")
    heard, last = [], threading.Event()

    def hear() -> None:
        heard.append(True)
        last.set()

    listening = Hints((Folder(tmp_path),), hear, lambda _event: None)
    listening.refresh()
    for _ in range(50):
        (tmp_path / "a").read_text()
    (tmp_path / "b").write_text("b")
    assert last.wait(LONG_S)
    listening.close()
    assert len(heard) < 10  # b's alone; each reading would be two


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "inotify watch limit reached"), ImportError("no watchdog")])
def test_no_hints_is_reported_once_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from watchdog.observers import Observer

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise error

    told: list[str] = []
    monkeypatch.setattr(Observer, "schedule", refuse)
    listening, _ = hints(tmp_path, told)
    for _ in range(3):
        listening.refresh()
    listening.close()
    assert len(told) == 1 and str(error) in told[0] and "regularly instead" in told[0]


def test_hints_are_listened_for_again_when_the_listener_died(tmp_path: Path) -> None:
    listening, heard = hints(tmp_path, [])
    try:
        listening.refresh()
        assert listening._observer is not None
        for emitter in listening._observer.emitters:
            emitter.stop()
            emitter.join(LONG_S)
        listening.refresh()
        (tmp_path / "a").write_text("a")
        assert heard.wait(LONG_S)
    finally:
        listening.close()


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
        said = [channel.recv(1000) for _ in range(5)]
        assert said == [b"READY=1", b"STATUS=bringing READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}],
)
def test_without_systemd_nothing_is_sent_and_nothing_fails(environ: dict[str, str]) -> None:
    service = Service(environ)
    assert service.alive_every_s is None
    service.ready()
    service.alive()


def test_trouble_is_waited_out_ever_longer_and_not_by_all_at_once(config: Config) -> None:
    chances = iter([0.0, 1.0, 1.0, *[1.0] * 20])
    daemon = Watch(config, lambda _event: None, threading.Event(), chance=lambda: next(chances))
    pauses = [daemon._trouble("offline", 5.0, 300.0) for _ in range(20)]
    assert pauses[:3] == [2.5, 10.0, 20.0] and pauses[-1] == 300.0
